//! Every diagnostic of scenarios and traces: exactly one is given, with its code, at its file, line and column, and
//! with a help that says what to do. `«` marks the place in the text.

use std::io;
use std::path::Path;

use podsim::diag::Severity;
use podsim::scenario::{self, Files, codes};
use podsim::trace::codes as trace_codes;

/// One mistake.
struct Case {
    code: podsim::diag::Code,
    /// Added to [`GOOD`], or the whole text if it begins with `#whole`. `«` stands before the place.
    text: &'static str,
    /// A part of the help.
    help: &'static str,
    severity: Severity,
}

/// A scenario without any mistake.
const GOOD: &str = r#"[scenario]
duration = "1d"
manifests = "web.yaml"

[[node_pool]]
name = "worker"
count = 3
capacity = { cpu = "4", memory = "16Gi" }
zones = ["a", "b"]
"#;

const WEB: &str = "\
apiVersion: v1
kind: Pod
metadata: {name: web, labels: {app: web}}
spec:
  containers:
  - {name: app, image: 'app:1', ports: [{containerPort: 8080}], volumeMounts: [{name: logs, mountPath: /var/log/app}]}
  - {name: agent, image: 'agent:1', volumeMounts: [{name: logs, mountPath: /logs}]}
  volumes: [{name: logs, emptyDir: {}}]
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}
---
apiVersion: v1
kind: Service
metadata: {name: other-port}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: 9999}]}
---
apiVersion: v1
kind: Service
metadata: {name: lonely}
spec: {ports: [{port: 80}]}
";

const SERVICE_ONLY: &str =
    "{apiVersion: v1, kind: Service, metadata: {name: s}, spec: {selector: {app: web}, ports: [{port: 80}]}}";

const GATED: &str = "{apiVersion: v1, kind: Pod, metadata: {name: gated}, spec: {schedulingGates: [{name: quota}], \
                     containers: [{name: app, image: 'app:1'}]}}";

struct Memory {
    csv: String,
}

impl Files for Memory {
    fn read(&self, path: &Path) -> io::Result<String> {
        match path.to_str().unwrap_or_default() {
            "web.yaml" => Ok(WEB.to_owned()),
            "service.yaml" => Ok(SERVICE_ONLY.to_owned()),
            "gated.yaml" => Ok(GATED.to_owned()),
            "data.csv" => Ok(self.csv.clone()),
            "scheduler.yaml" => Ok(SCHEDULER.to_owned()),
            _ => Err(io::Error::new(io::ErrorKind::NotFound, "no such file")),
        }
    }

    fn list(&self, _: &Path) -> io::Result<Vec<String>> {
        Ok(vec!["web.yaml".to_owned(), ".hidden.yaml".to_owned()])
    }

    fn variable(&self, _: &str) -> Option<String> {
        None
    }
}

const fn error(code: podsim::diag::Code, text: &'static str, help: &'static str) -> Case {
    Case { code, text, help, severity: Severity::Error }
}

const fn warning(code: podsim::diag::Code, text: &'static str, help: &'static str) -> Case {
    Case { code, text, help, severity: Severity::Warning }
}

const CASES: &[Case] = &[
    error(codes::SYNTAX, "[[image]]\nname = «app\nsize = \"1M\"", "texts in double quotes"),
    error(codes::UNKNOWN_KEY, "[output]\n«chart = true", "did you mean `charts`?"),
    error(codes::UNKNOWN_KEY, "[«nodepool]", "did you mean `node_pool`?"),
    error(
        codes::UNKNOWN_KEY,
        "[[node_pool]]\nname = \"x\"\ncapacity = { cpu = \"1\", memory = \"1Gi\", «gpus = 1 }",
        "there is: cpu, memory",
    ),
    error(codes::MISSING_KEY, "«[[image]]\nname = \"app:1\"", "add `size = \"70M\"`"),
    error(codes::MISSING_KEY, "[[fault]]\nkind = \"zone-loss\"\nat = \"1h\"", "add `zone"),
    error(codes::WRONG_TYPE, "[output]\ncharts = «\"yes\"", "write `true` or `false`"),
    error(codes::WRONG_TYPE, "«[image]\nname = \"app:1\"\nsize = \"1M\"", "write `[[image]]`"),
    error(codes::WRONG_TYPE, "[[traffic]]\nservice = «\"\"\nrate = \"1/s\"", "leave the key out"),
    error(codes::UNIT_MISSING, "[output]\nsample_every = «60", "`\"60s\"`"),
    error(codes::UNIT_MISSING, "[[behavior]]\nmemory = { base = «64 }", "with its unit"),
    error(
        codes::BAD_AMOUNT,
        "[[image]]\nname = \"app:1\"\nsize = «\"10 mb\"",
        "write `10Mi` (1024^2 bytes) or `10M` (1000^2 bytes)",
    ),
    error(codes::BAD_AMOUNT, "[[traffic]]\nservice = \"web\"\nrate = «\"200\"", "`200/s`"),
    error(codes::BAD_AMOUNT, "[[behavior]]\ncpu = { base = «\"2 cores\" }", "thousandths of a core (`2m`)"),
    error(codes::BAD_DURATION, "[output]\nsample_every = «\"5 minutes\"", "`90s`, `1h30m`"),
    error(codes::BAD_TIME, "[[fault]]\nkind = \"cordon\"\nnode = \"worker-0\"\nat = «\"25:61\"", "`21:30`"),
    error(codes::OUT_OF_RANGE, "[[behavior]]\nlistens = [«70000]", "from 1 to 65535"),
    error(codes::OUT_OF_RANGE, "[[behavior]]\nreads = [«\"logs/x\"]", "write `/logs/x`"),
    error(
        codes::OUT_OF_RANGE,
        "#whole[scenario]\nduration = «\"0s\"\nmanifests = \"web.yaml\"\n[[node_pool]]\nname = \"w\"\ncapacity = { cpu = \"1\", memory = \"1Gi\" }",
        "duration = \"24h\"",
    ),
    error(codes::UNKNOWN_CHOICE, "[control_plane]\npreset = «\"instnat\"", "did you mean `instant`?"),
    error(codes::UNKNOWN_CHOICE, "[[change]]\nat = \"1h\"\ndelete = «\"Deploymnet/web\"", "did you mean `Deployment`?"),
    error(codes::UNKNOWN_TARGET, "[[change]]\nat = \"1h\"\ndelete = «\"Deployment/web\"", "there is none"),
    error(
        codes::UNKNOWN_CHOICE,
        "[[change]]\nat = \"1h\"\nscale = «\"DaemonSet/web\"\nreplicas = 3",
        "write `Deployment/name`",
    ),
    error(
        codes::UNKNOWN_TARGET,
        "[[change]]\nat = \"1h\"\npatch = «\"Deployment/web\"\nwith = \"{spec: {paused: true}}\"",
        "there is none",
    ),
    error(
        codes::UNKNOWN_CHOICE,
        "[[change]]\nat = \"1h\"\npatch = «\"Pod/web\"\nwith = \"{spec: {x: 1}}\"",
        "write `resize` or `ungate`",
    ),
    error(
        codes::BAD_PATCH,
        "[[change]]\nat = \"1h\"\npatch = \"Pod/web\"\nwith = «\"[1, 2]\"",
        "write the fields that change",
    ),
    error(
        codes::EXCLUSIVE_KEYS,
        "[[traffic]]\nservice = \"web\"\nrate = \"1/s\"\n«csv = \"data.csv\"",
        "exactly one of `rate`, `steps`, `diurnal`, `csv`",
    ),
    error(
        codes::EXCLUSIVE_KEYS,
        "[[fault]]\nkind = \"zone-loss\"\nat = \"1h\"\nzone = \"a\"\n«node = \"worker-0\"",
        "use `zone`",
    ),
    error(
        codes::UNREADABLE_FILE,
        "[[change]]\nat = \"1h\"\napply = «\"nothing.yaml\"",
        "relative to the scenario file",
    ),
    error(codes::EMPTY_PATTERN, "[[change]]\nat = \"1h\"\napply = «\"hidden*.yaml\"", "relative to the scenario file"),
    error(codes::PATH_VARIABLE, "[[change]]\nat = \"1h\"\napply = «\"$PODSIM_SHARED/x.yaml\"", "set it to the folder"),
    error(codes::PATH_VARIABLE, "[[change]]\nat = \"1h\"\napply = «\"$HOME/x.yaml\"", "only `$PODSIM_SHARED`"),
    error(
        codes::DUPLICATE_NAME,
        "[[node_pool]]\nname = «\"worker\"\ncapacity = { cpu = \"1\", memory = \"1Gi\" }",
        "its own name",
    ),
    error(
        codes::DUPLICATE_NAME,
        "[[arrivals]]\nname = «\"web\"\nevery = \"1h\"\ntemplate = { cpu = \"1\" }",
        "its own name",
    ),
    error(codes::NO_NODES, "#whole«[scenario]\nduration = \"1h\"\nmanifests = \"web.yaml\"", "add a [[node_pool]]"),
    error(codes::SELECTS_NOTHING, "[[behavior]]\nselect = «{ name = \"wbe\" }", "did you mean `web`?"),
    warning(codes::SELECTS_NOTHING, "[[traffic]]\nservice = «\"lonely\"\nrate = \"1/s\"", "`spec.selector`"),
    error(
        codes::UNKNOWN_TARGET,
        "[[fault]]\nkind = \"node-crash\"\nat = \"1h\"\nnode = «\"worker-9\"",
        "did you mean `worker-0`?",
    ),
    error(codes::UNKNOWN_TARGET, "[[fault]]\nkind = \"zone-loss\"\nat = \"1h\"\nzone = «\"eu-west\"", "there is: a, b"),
    error(codes::UNKNOWN_TARGET, "[[change]]\nat = \"1h\"\ndelete = «\"Pod/wbe\"", "did you mean `web`?"),
    error(codes::UNKNOWN_TARGET, "[[change]]\nat = \"1h\"\nungate = «\"default/wbe\"", "did you mean `web`?"),
    error(
        codes::UNKNOWN_TARGET,
        "[[change]]\nat = \"1h\"\napply = \"gated.yaml\"\n[[change]]\nat = \"2h\"\nungate = \"gated\"\ngates = [«\"quote\"]",
        "did you mean `quota`?",
    ),
    error(codes::OUT_OF_RANGE, "[[change]]\nat = \"1h\"\nungate = «\"web\"", "leave the change out"),
    error(codes::OUT_OF_RANGE, "«[control_plane.image_gc]\nlow_threshold_percent = 85", "80 and 85"),
    error(codes::OUT_OF_RANGE, "[control_plane]\nimage_gc = «{ maximum_age = \"2m\" }", "lower `minimum_age`"),
    error(
        codes::OUT_OF_RANGE,
        "[[change]]\nat = \"1h\"\napply = \"gated.yaml\"\n[[change]]\n«at = \"1h\"\nungate = \"gated\"",
        "at which the pod is created",
    ),
    error(
        codes::OUT_OF_RANGE,
        "[[change]]\nat = \"1h\"\napply = \"gated.yaml\"\n[[change]]\nat = \"3h\"\nungate = \"gated\"\n[[change]]\nat = \"4h\"\nungate = «\"gated\"",
        "leave the change out",
    ),
    error(codes::UNKNOWN_SERVICE, "[[traffic]]\nservice = «\"wep\"\nrate = \"1/s\"", "did you mean `web`?"),
    warning(codes::NOBODY_LISTENS, "[[traffic]]\nservice = «\"other-port\"\nrate = \"1/s\"", "declare the port"),
    error(codes::UNKNOWN_METRIC, "[[expect]]\nmetric = «\"pods_filed\"\nmax = 0", "did you mean `pods_failed`?"),
    error(
        codes::OUTSIDE_MOUNT,
        "[[behavior]]\nselect = { container = \"app\" }\nwrites = [{ path = «\"/var/log/app.log\" }]\n[[behavior]]\nselect = { container = \"agent\" }\nreads = [\"/logs/app.log\"]",
        "mounts /var/log/app: use a path below",
    ),
    warning(
        codes::OUTSIDE_MOUNT,
        "[[behavior]]\nselect = { container = \"app\" }\nwrites = [{ path = «\"/tmp/x\" }]",
        "lost when the container restarts",
    ),
    error(
        codes::UNKNOWN_CONTAINER,
        "[[behavior]]\nselect = { container = \"app\" }\nrequires = [«\"agnet\"]",
        "did you mean `agent`?",
    ),
    error(
        codes::UNKNOWN_CONTAINER,
        "[[fault]]\nkind = \"container-kill\"\nat = \"1h\"\npod = \"web\"\ncontainer = «\"agnet\"",
        "did you mean `agent`?",
    ),
    error(
        codes::BAD_TAINT,
        "[[change]]\nat = \"1h\"\nnode = \"worker-0\"\ntaint = «\"a=b:NoScedule\"",
        "effects are NoSchedule",
    ),
    error(
        codes::BAD_THRESHOLD,
        "[control_plane]\neviction = «{ hard = { \"memory.free\" = \"1Gi\" } }",
        "memory.available",
    ),
    warning(
        codes::OUTSIDE_RUN,
        "[[fault]]\nkind = \"cordon\"\nnode = \"worker-0\"\nat = «\"25h\"",
        "the run lasts from",
    ),
    error(
        codes::MORE_THAN_CAPACITY,
        "[[node_pool]]\nname = \"x\"\ncapacity = { cpu = \"1\", memory = \"1Gi\" }\nallocatable = «{ cpu = \"2\" }",
        "lower `allocatable`",
    ),
    error(
        codes::BAD_DISTRIBUTION,
        "[[behavior]]\nstartup = { uniform = «[\"5s\", \"1s\"] }",
        "the smaller bound first",
    ),
    error(codes::BAD_DISTRIBUTION, "[[behavior]]\ncrash = { mtbf = «\"0s\" }", "\"2h\""),
    error(
        codes::NO_TEMPLATES,
        "[[arrivals]]\nname = \"x\"\nevery = \"1h\"\n«pods = \"service.yaml\"",
        "of the kind Pod",
    ),
    warning(codes::UNUSED_IMAGE, "[[image]]\nname = «\"ap:1\"\nsize = \"1M\"", "did you mean `app:1`?"),
    error(codes::NOTHING_TO_APPLY, "[[change]]\nat = \"1h\"\n«apply = \"service.yaml\"", "into `manifests`"),
    warning(
        codes::NO_PODS,
        "#whole[«scenario]\nduration = \"1h\"\n[[node_pool]]\nname = \"w\"\ncapacity = { cpu = \"1\", memory = \"1Gi\" }",
        "add [[arrivals]]",
    ),
    warning(
        codes::NOTHING_WRITES,
        "[[behavior]]\nselect = { container = \"agent\" }\nreads = [«\"/logs/app.log\"]",
        "`writes` of another container",
    ),
    error(codes::BAD_BOUND, "«[[expect]]\nmetric = \"pods_failed\"", "add `min`, `max` or both"),
    error(codes::BAD_BOUND, "[[expect]]\nmetric = \"pods_failed\"\nmax = «\"3\"", "without quotes"),
    error(
        codes::TOO_MANY,
        "[[node_pool]]\nname = \"x\"\ncount = «2_000_000\ncapacity = { cpu = \"1\", memory = \"1Gi\" }",
        "at most 1000000",
    ),
    error(
        codes::TOO_MANY,
        "[[arrivals]]\nname = \"x\"\nevery = «\"1ns\"\ntemplate = { cpu = \"1\" }",
        "longer `every`",
    ),
    warning(
        codes::TOO_MANY,
        "[[fault]]\nkind = \"node-crash\"\nat = \"1h\"\nrandom = «9\npool = \"worker\"",
        "all of them will be struck",
    ),
    error(
        codes::TOO_MANY,
        "#whole[scenario]\nduration = \"5000d\"\nmanifests = \"web.yaml\"\n[[node_pool]]\nname = \"w\"\n\
         capacity = { cpu = \"1\", memory = \"1Gi\" }\n[[traffic]]\nservice = \"web\"\n\
         diurnal = «{ min = \"1/s\", peak = \"2/s\", peak_at = \"14:00\" }",
        "use `steps`",
    ),
    warning(
        codes::UNKNOWN_SCHEDULER,
        "#whole[scenario]\nduration = \"1d\"\n[[node_pool]]\nname = \"w\"\ncapacity = { cpu = \"1\", memory = \"1Gi\" }\n\
         [control_plane.scheduler]\nconfig = \"scheduler.yaml\"\n\
         [[«arrivals]]\nname = \"x\"\nevery = \"1h\"\ntemplate = { cpu = \"1\" }",
        "the profiles are mine;",
    ),
];

/// Mistakes in traces: the file `data.csv` is what the text says, and `«` stands in it.
const TRACE_CASES: &[(Case, &str)] = &[
    (error(trace_codes::NO_ROWS, "«name,at_seconds,cpu_milli,memory_mib\n", "add a row"), CSV),
    (
        error(
            trace_codes::MISSING_COLUMN,
            "«name,at_seconds,cpu_mili,memory_mib\na,1,1,1\n",
            "rename `cpu_mili` to `cpu_milli`",
        ),
        CSV,
    ),
    (error(trace_codes::CELL_COUNT, "name,at_seconds,cpu_milli,memory_mib\n«a,1,1\n", "one cell for each column"), CSV),
    (error(trace_codes::BAD_CELL, "name,at_seconds,cpu_milli,memory_mib\na,1,«500m,1\n", "digits only"), CSV),
    (
        error(trace_codes::DUPLICATE_ROW, "name,at_seconds,cpu_milli,memory_mib\na,1,1,1\n«a,2,1,1\n", "must differ"),
        CSV,
    ),
    (warning(trace_codes::NO_CREATION, "name,at_seconds,cpu_milli,memory_mib\na,«,1,1\n", "created at the start"), CSV),
    (
        error(
            trace_codes::DELETED_EARLY,
            "name,at_seconds,cpu_milli,memory_mib,delete_at_seconds\na,5,1,1,«2\n",
            "exchange the two times",
        ),
        CSV,
    ),
    (
        warning(
            trace_codes::NOT_MODELLED,
            "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec,creation_time,deletion_time\na,1,1,1,1000,«T4|P100,1,2\n",
            "any node",
        ),
        OPENB,
    ),
    (error(trace_codes::NOT_SORTED, "seconds,per_second\n5,1\n«2,1\n", "sort the rows"), CURVE),
    (
        error(
            trace_codes::UNKNOWN_COLUMN,
            "name,at_seconds,cpu_milli,memory_mib,«memroy_mib\na,1,1,1,1\n",
            "did you mean `memory_mib`?",
        ),
        CSV,
    ),
];

/// Of a file with many mistakes not all are shown, but all are counted.
#[test]
fn the_mistakes_that_are_not_shown_are_counted() {
    let rows: String = (0..60).map(|row| format!("pod-{row},1,half,1\n")).collect();
    let files = Memory { csv: format!("name,at_seconds,cpu_milli,memory_mib\n{rows}short,1\n") };
    let loaded = scenario::from_text_with("test.toml", &format!("{GOOD}\n{CSV}\n"), &[], &files);
    let of = |code| loaded.diagnostics.iter().filter(|one| one.code == code).collect::<Vec<_>>();
    assert_eq!(of(trace_codes::BAD_CELL).len(), 50);
    let [more] = of(trace_codes::MORE_MISTAKES)[..] else { panic!("one sum is meant") };
    assert_eq!(more.message, "11 more mistakes in this file are not shown");
    assert!(more.severity == Severity::Error && loaded.plan.is_none());
}

const SCHEDULER: &str = "\
apiVersion: kubescheduler.config.k8s.io/v1
kind: KubeSchedulerConfiguration
profiles: [{schedulerName: mine}]
";

const CSV: &str = "[[arrivals]]\nname = \"t\"\ntrace = { format = \"csv\", pods = \"data.csv\" }\n";
const OPENB: &str = "[[arrivals]]\nname = \"t\"\ntrace = { format = \"openb\", pods = \"data.csv\" }\n";
const CURVE: &str = "[[traffic]]\nservice = \"web\"\ncsv = \"data.csv\"\n";

/// Line and column, from 1, of the mark, and the text without it.
fn unmarked(text: &str) -> (Option<(usize, usize)>, String) {
    let place = text.find('«').map(|at| {
        let before = &text[..at];
        (before.matches('\n').count() + 1, before.rsplit('\n').next().unwrap_or_default().chars().count() + 1)
    });
    (place, text.replace('«', ""))
}

fn check(case: &Case, scenario_text: &str, csv: &str, file: &str, place: Option<(usize, usize)>) -> Result<(), String> {
    let files = Memory { csv: csv.to_owned() };
    let loaded = scenario::from_text_with("test.toml", scenario_text, &[], &files);
    let shown = loaded.diagnostics.render(&loaded.sources, false);
    let fail = |what: &str| Err(format!("{}: {what}, in\n{scenario_text}\n{shown}\n", case.code.id));
    let [one] = loaded.diagnostics.sorted()[..] else { return fail("one diagnostic is meant") };
    if (one.code, one.severity) != (case.code, case.severity) {
        return fail("another code or severity");
    }
    if !one.help.contains(case.help) {
        return fail(&format!("the help must hold {:?}", case.help));
    }
    let Some(span) = one.span.filter(|_| !one.message.is_empty() && !one.label.is_empty()) else {
        return fail("no place, message or label");
    };
    let found = loaded.sources.position(span);
    if loaded.sources.get(span.source).name != file || place.is_some_and(|place| place != found) {
        return fail(&format!("the place must be {file} {place:?}"));
    }
    if loaded.plan.is_none() != (case.severity == Severity::Error) {
        return fail("there is a plan if and only if nothing is an error");
    }
    Ok(())
}

fn report(results: impl Iterator<Item = Result<(), String>>) {
    let failed: Vec<String> = results.filter_map(Result::err).collect();
    assert!(failed.is_empty(), "{} cases fail\n{}", failed.len(), failed.join("\n"));
}

#[test]
fn a_good_scenario_has_no_diagnostics() {
    let loaded = scenario::from_text_with("test.toml", GOOD, &[], &Memory { csv: String::new() });
    assert!(loaded.diagnostics.is_empty(), "{}", loaded.diagnostics.render(&loaded.sources, false));
    assert!(loaded.plan.is_some());
}

#[test]
fn each_mistake_is_told_once_and_in_its_place() {
    report(CASES.iter().map(|case| {
        let text = case.text.strip_prefix("#whole").map_or_else(|| format!("{GOOD}\n{}\n", case.text), str::to_owned);
        let (place, text) = unmarked(&text);
        check(case, &text, "", "test.toml", place)
    }));
}

#[test]
fn each_mistake_in_a_trace_is_told_once_and_in_its_place() {
    report(TRACE_CASES.iter().map(|(case, scenario)| {
        let (place, csv) = unmarked(case.text);
        check(case, &format!("{GOOD}\n{scenario}"), &csv, "data.csv", place)
    }));
}

#[test]
fn mistakes_in_overrides_point_at_the_argument() {
    for (argument, column, help) in [
        ("scenario.seed", 1, "key=value"),
        ("node_pool.7.count=1", 11, "counted from 0"),
        ("scenario.duration.x=1", 19, "joined by dots"),
        (".=1", 1, "joined by dots"),
    ] {
        let files = Memory { csv: String::new() };
        let loaded = scenario::from_text_with("test.toml", GOOD, &[argument.to_owned()], &files);
        let shown = loaded.diagnostics.render(&loaded.sources, false);
        let [one] = loaded.diagnostics.sorted()[..] else { panic!("one diagnostic is meant\n{shown}") };
        assert_eq!(one.code, codes::BAD_OVERRIDE, "{shown}");
        let span = one.span.expect("it has a place");
        assert_eq!(
            (loaded.sources.get(span.source).name.as_str(), loaded.sources.position(span)),
            ("--set", (1, column))
        );
        assert!(one.help.contains(help), "{shown}");
    }
}

#[test]
fn every_code_is_covered() {
    let covered: Vec<_> = CASES.iter().chain(TRACE_CASES.iter().map(|(case, _)| case)).map(|case| case.code).collect();
    for code in codes::ALL.iter().chain(trace_codes::ALL) {
        assert!(
            covered.contains(code) || *code == codes::BAD_OVERRIDE || *code == trace_codes::MORE_MISTAKES,
            "{} ({}) has no case",
            code.id,
            code.title
        );
    }
    assert!(codes::ALL.len() >= 20);
    let mut ids: Vec<_> = codes::ALL.iter().chain(trace_codes::ALL).map(|code| code.id).collect();
    ids.dedup();
    assert_eq!(ids.len(), codes::ALL.len() + trace_codes::ALL.len(), "each number once");
    assert!(ids.is_sorted());
}

#[test]
fn one_mistake_does_not_hide_the_others() {
    let text = "[scenario]\nduration = 5\nmanifest = \"x\"\n[[node_pool]]\nname = \"w\"\ncapacity = { cpu = 4, memory = \"1 GB\" }\n\
                [[expect]]\nmetric = \"x\"\nmax = 1\n[bogus]\n";
    let loaded = scenario::from_text_with("test.toml", text, &[], &Memory { csv: String::new() });
    let found: Vec<_> = loaded
        .diagnostics
        .sorted()
        .iter()
        .map(|one| (one.code.id, one.span.map(|span| loaded.sources.position(span).0)))
        .collect();
    let want = [
        ("PS2032", Some(1)),
        ("PS2005", Some(2)),
        ("PS2002", Some(3)),
        ("PS2005", Some(6)),
        ("PS2006", Some(6)),
        ("PS2021", Some(8)),
        ("PS2002", Some(10)),
    ];
    assert_eq!(found, want, "{}", loaded.diagnostics.render_short(&loaded.sources));
}
