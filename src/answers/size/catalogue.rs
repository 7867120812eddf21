//! Catalogues of machine types: what each has and costs. Reads CSV with a line of names and the two JSON forms of Karpenter's
//! kwok provider. Owns these formats; knows no simulation.

use serde_json::Value;

use super::super::Halt;
use crate::base::Quantity;

/// A type of machine.
#[derive(Clone, PartialEq, Debug)]
pub struct MachineType {
    /// Its name.
    pub name: String,
    /// Thousandths of cores.
    pub milli_cpu: i64,
    /// Bytes.
    pub memory: i64,
    /// Bytes of local disk; `None`: as any node.
    pub ephemeral_storage: Option<i64>,
    /// Most pods; `None`: as any node.
    pub pods: Option<i64>,
    /// GPUs, offered as `nvidia.com/gpu`.
    pub gpus: i64,
    /// `kubernetes.io/arch`.
    pub arch: String,
    /// What one costs an hour; the least on-demand price where there are several.
    pub price_per_hour: f64,
    /// Thousandths of cores that are kept for the system.
    pub reserved_milli_cpu: i64,
    /// Bytes that are kept for the system.
    pub reserved_memory: i64,
}

/// Round numbers of our own, to begin with.
const OWN: &str = include_str!("catalogue.csv");
const MIB: i64 = 1 << 20;

/// The catalogue that ships: round sizes and round prices that are nobody's.
#[must_use]
pub fn own() -> Vec<MachineType> {
    csv(OWN, "the catalogue of our own").unwrap_or_default().0
}

/// Reads a catalogue: its types, and how many entries were left out because they have no price.
///
/// # Errors
/// It is none of the known forms, or a value in it is wrong.
pub fn read(text: &str, name: &str) -> Result<(Vec<MachineType>, usize), Halt> {
    let found = if text.trim_start().starts_with('[') { json(text, name)? } else { csv(text, name)? };
    if found.0.is_empty() {
        return Err(Halt::Unasked(format!("`{name}` has no machine type with a price")));
    }
    Ok(found)
}

fn wrong(name: &str, line: u64, what: &str) -> Halt {
    Halt::Unasked(format!("`{name}`, line {line}: {what}"))
}

fn csv(text: &str, name: &str) -> Result<(Vec<MachineType>, usize), Halt> {
    let mut reader = csv::ReaderBuilder::new().comment(Some(b'#')).trim(csv::Trim::All).from_reader(text.as_bytes());
    let header = reader.headers().cloned().map_err(|error| wrong(name, 1, &error.to_string()))?;
    let column = |names: &[&str]| header.iter().position(|column| names.contains(&column));
    let price = column(&["price_per_hour", "price"])
        .or_else(|| header.iter().position(|column| column.starts_with("usd_per_hour")));
    let columns = (column(&["type", "name", "instance_type"]), column(&["cpu", "vcpu"]), price);
    let memory = column(&["memory", "memory_mib"]);
    let (Some(type_at), Some(cpu_at), Some(price_at), Some(memory_at)) = (columns.0, columns.1, columns.2, memory)
    else {
        let needs = "a catalogue has the columns type, cpu, memory, price_per_hour, and may have pods, gpu, arch, \
                     ephemeral_storage, reserved_cpu, reserved_memory";
        return Err(wrong(name, 1, &format!("columns are missing: {needs}")));
    };
    let in_mib = header.get(memory_at) == Some("memory_mib");
    let pods_at = column(&["pods", "max_pods", "eni_max_pods"]);
    let others = [
        column(&["gpu", "gpus"]),
        column(&["ephemeral_storage"]),
        column(&["reserved_cpu"]),
        column(&["reserved_memory"]),
    ];
    let (gpu_at, disk_at, reserved_cpu_at, reserved_memory_at) = (others[0], others[1], others[2], others[3]);
    let arch_at = column(&["arch"]);
    let (mut types, mut skipped) = (Vec::new(), 0);
    for row in reader.records() {
        let row = row.map_err(|error| Halt::Unasked(format!("`{name}`: {error}")))?;
        let line = row.position().map_or(0, csv::Position::line);
        let at = |at: Option<usize>| at.and_then(|at| row.get(at)).filter(|text| !text.is_empty());
        let amount = |text: &str| {
            Quantity::parse(text).map_err(|error| wrong(name, line, &format!("`{text}` is not an amount: {error}")))
        };
        let Some(price) = at(Some(price_at)) else {
            skipped += 1;
            continue;
        };
        let price_per_hour: f64 = price.parse().map_err(|_| wrong(name, line, &format!("`{price}` is not a price")))?;
        let text = |found: Option<&str>, column: &str| {
            found.map(str::to_owned).ok_or_else(|| wrong(name, line, &format!("there is no {column}")))
        };
        let memory = amount(&text(at(Some(memory_at)), "memory")?)?.value();
        let value = |found: Option<&str>| found.map(amount).transpose().map(|found| found.map(Quantity::value));
        let milli = |found: Option<&str>| found.map(amount).transpose().map(|found| found.map(Quantity::milli_value));
        types.push(MachineType {
            name: text(at(Some(type_at)), "type")?,
            milli_cpu: amount(&text(at(Some(cpu_at)), "cpu")?)?.milli_value(),
            memory: if in_mib { memory * MIB } else { memory },
            ephemeral_storage: value(at(disk_at))?,
            pods: value(at(pods_at))?,
            gpus: value(at(gpu_at))?.unwrap_or(0),
            arch: at(arch_at).unwrap_or("amd64").to_owned(),
            price_per_hour,
            reserved_milli_cpu: milli(at(reserved_cpu_at))?.unwrap_or(0),
            reserved_memory: value(at(reserved_memory_at))?.unwrap_or(0),
        });
    }
    Ok((types, skipped))
}

fn json(text: &str, name: &str) -> Result<(Vec<MachineType>, usize), Halt> {
    let items: Vec<Value> = serde_json::from_str(text)
        .map_err(|error| wrong(name, u64::try_from(error.line()).unwrap_or(0), &format!("this is no JSON: {error}")))?;
    let (mut types, mut skipped) = (Vec::new(), 0);
    for item in &items {
        let called = item["name"].as_str().unwrap_or_default().to_owned();
        let systems = item["operatingSystems"].as_array().map(Vec::as_slice).unwrap_or_default();
        if !systems.is_empty() && !systems.iter().any(|system| system == "linux") {
            // Nodes of the simulation run Linux.
            continue;
        }
        let offerings = item["offerings"].as_array().map(Vec::as_slice).unwrap_or_default();
        let Some(price_per_hour) = offerings.iter().filter_map(on_demand).min_by(f64::total_cmp) else {
            skipped += 1;
            continue;
        };
        let resources = &item["resources"];
        let amount = |resource: &str| {
            let Some(text) = resources[resource].as_str() else { return Ok(None) };
            let parsed = Quantity::parse(text);
            parsed.map(Some).map_err(|error| Halt::Unasked(format!("`{name}`: {resource} of {called}: {error}")))
        };
        let needed = |resource: &str| {
            amount(resource)?.ok_or_else(|| Halt::Unasked(format!("`{name}`: {called} has no {resource}")))
        };
        types.push(MachineType {
            milli_cpu: needed("cpu")?.milli_value(),
            memory: needed("memory")?.value(),
            ephemeral_storage: amount("ephemeral-storage")?.map(Quantity::value),
            pods: amount("pods")?.map(Quantity::value),
            gpus: amount("nvidia.com/gpu")?.map_or(0, Quantity::value),
            arch: item["architecture"].as_str().unwrap_or("amd64").to_owned(),
            price_per_hour,
            reserved_milli_cpu: 0,
            reserved_memory: 0,
            name: called,
        });
    }
    Ok((types, skipped))
}

/// The price of an offering, if it is one on demand: written plainly, or as the provider keeps it.
fn on_demand(offering: &Value) -> Option<f64> {
    if let Some(kind) = offering["capacityType"].as_str() {
        return offering["price"].as_f64().filter(|_| kind == "on-demand");
    }
    let requirements = offering["Requirements"].as_array()?;
    let kind = requirements.iter().find(|requirement| requirement["key"] == "karpenter.sh/capacity-type")?;
    let is_on_demand = kind["values"].as_array()?.iter().any(|value| value == "on-demand");
    let is_available = offering["Available"].as_bool() != Some(false);
    offering["Price"].as_f64().filter(|_| is_on_demand && is_available)
}

impl MachineType {
    /// Its keys in a `[[node_pool]]`: capacity and what is reserved.
    #[must_use]
    pub fn keys(&self) -> [(&'static str, String); 2] {
        let mut capacity = format!("cpu = \"{}m\", memory = \"{}\"", self.milli_cpu, self.memory);
        if let Some(disk) = self.ephemeral_storage {
            capacity.push_str(&format!(", ephemeral-storage = \"{disk}\""));
        }
        if let Some(pods) = self.pods {
            capacity.push_str(&format!(", pods = {pods}"));
        }
        if self.gpus > 0 {
            capacity.push_str(&format!(", \"nvidia.com/gpu\" = {}", self.gpus));
        }
        let reserved = format!("{{ cpu = \"{}m\", memory = \"{}\" }}", self.reserved_milli_cpu, self.reserved_memory);
        [("capacity", format!("{{ {capacity} }}")), ("reserved", reserved)]
    }

    /// `4 CPU, 16 GiB`.
    #[must_use]
    #[allow(clippy::cast_precision_loss, reason = "a machine has far less than 2^53 bytes")]
    pub fn size(&self) -> String {
        let gib = self.memory as f64 / (1_i64 << 30) as f64;
        format!("{} CPU, {} GiB", self.milli_cpu as f64 / 1000.0, (gib * 10.0).round() / 10.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_forms_are_read() {
        let own = own();
        assert_eq!(own.len(), 8);
        assert_eq!((own[1].milli_cpu, own[1].memory, own[1].price_per_hour), (4000, 16 << 30, 0.2));
        let aws = "instance_type,vcpu,memory_mib,gpu,arch,usd_per_hour_somewhere,eni_max_pods\n\
                   a.large,2,8192,0,amd64,0.085,29\nb.huge,96,1024,8,arm64,,737\n";
        let (types, skipped) = read(aws, "aws.csv").expect("a catalogue");
        assert_eq!((types.len(), skipped), (1, 1));
        assert_eq!((types[0].memory, types[0].pods), (8 << 30, Some(29)));
        let plain = r#"[{"name": "g", "architecture": "arm64", "resources": {"cpu": "16", "memory": "64Gi", "nvidia.com/gpu": "1"},
            "offerings": [{"capacityType": "spot", "price": 0.1}, {"capacityType": "on-demand", "price": 1.7},
                          {"capacityType": "on-demand", "price": 1.5}]}]"#;
        let (types, _) = read(plain, "g.json").expect("a catalogue");
        assert_eq!((types[0].price_per_hour, types[0].gpus, types[0].arch.as_str()), (1.5, 1, "arm64"));
        let kept = r#"[{"name": "w", "operatingSystems": ["windows"]}, {"name": "c", "operatingSystems": ["linux"], "resources": {"cpu": "1", "memory": "2Gi", "pods": "16"}, "offerings": [
            {"Price": 0.02, "Available": true, "Requirements": [{"key": "karpenter.sh/capacity-type", "values": ["on-demand"]}]},
            {"Price": 0.01, "Available": true, "Requirements": [{"key": "karpenter.sh/capacity-type", "values": ["spot"]}]}]}]"#;
        let (types, skipped) = read(kept, "c.json").expect("a catalogue");
        assert_eq!((types.len(), skipped), (1, 0));
        assert_eq!((types[0].price_per_hour, types[0].pods), (0.02, Some(16)));
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        for (text, told) in [
            ("a,b\n1,2\n", "line 1: columns are missing"),
            ("type,cpu,memory,price\nx,four,1Gi,1\n", "line 2: `four` is not an amount"),
            ("type,cpu,memory,price\nx,4,1Gi,dear\n", "line 2: `dear` is not a price"),
            ("type,cpu,memory,price\n", "has no machine type with a price"),
            ("[1, ", "line 1: this is no JSON"),
        ] {
            let wrong = read(text, "c").expect_err("it is wrong").to_string();
            assert!(wrong.contains(told), "{wrong}");
        }
    }
}
