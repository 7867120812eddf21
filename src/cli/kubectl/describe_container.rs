//! Containers in a pod's description. Mirrors staging/src/k8s.io/kubectl/pkg/describe/describe.go (describeContainers),
//! v1.34.

use std::fmt::Write as _;

use serde_json::Value;

use super::describe::rfc1123;
use super::text_of;
use crate::model::names::go_quote;

pub(super) fn containers(out: &mut String, title: &str, list: &Value, statuses: &Value) {
    let _ = writeln!(out, "{title}:");
    for container in list.as_array().into_iter().flatten() {
        let status = statuses.as_array().into_iter().flatten().find(|status| status["name"] == container["name"]);
        let _ = writeln!(out, "  {}:", text_of(&container["name"]));
        basics(out, container, status);
        for (title, key) in [("Command", "command"), ("Args", "args")] {
            let Some(words) = container[key].as_array().filter(|words| !words.is_empty()) else { continue };
            let _ = writeln!(out, "    {title}:");
            for word in words {
                text_of(word).split('\n').for_each(|part| _ = writeln!(out, "      {part}"));
            }
        }
        if let Some(status) = status {
            state(out, "State", &status["state"]);
            if status["lastState"]["terminated"].is_object() {
                state(out, "Last State", &status["lastState"]);
            }
            let ready = if status["ready"] == true { "True" } else { "False" };
            let _ = write!(out, "    Ready:\t{ready}\n    Restart Count:\t{}\n", text_of(&status["restartCount"]));
        }
        resources(out, &container["resources"]);
        for (title, key) in
            [("Liveness", "livenessProbe"), ("Readiness", "readinessProbe"), ("Startup", "startupProbe")]
        {
            if container[key].is_object() {
                let _ = writeln!(out, "    {title}:\t{}", probe(&container[key]));
            }
        }
        environment(out, container);
        mounts(out, container);
    }
}

fn basics(out: &mut String, container: &Value, status: Option<&Value>) {
    let mut say = |title: &str, text: &str| {
        let _ = writeln!(out, "    {title}:\t{text}");
    };
    if let Some(status) = status {
        say("Container ID", &text_of(&status["containerID"]));
    }
    say("Image", &text_of(&container["image"]));
    if let Some(status) = status {
        say("Image ID", &text_of(&status["imageID"]));
    }
    for (title, key) in [("Port", "containerPort"), ("Host Port", "hostPort")] {
        let text = |port: &Value| {
            let name = port["name"].as_str().filter(|name| !name.is_empty());
            let name = name.map_or_else(String::new, |name| format!(" ({name})"));
            format!("{}/{}{name}", port[key].as_i64().unwrap_or(0), text_of(&port["protocol"]))
        };
        let ports: Vec<String> = container["ports"].as_array().into_iter().flatten().map(text).collect();
        match ports.as_slice() {
            [] => say(title, "<none>"),
            [one] => say(title, one),
            more => say(&format!("{title}s"), &more.join(", ")),
        }
    }
}

fn state(out: &mut String, title: &str, state: &Value) {
    if state["running"].is_object() {
        let started = rfc1123(&text_of(&state["running"]["startedAt"]));
        let _ = write!(out, "    {title}:\tRunning\n      Started:\t{started}\n");
    } else if state["terminated"].is_object() {
        let end = &state["terminated"];
        let time = |key: &str| end[key].as_str().map_or_else(|| "Mon, 01 Jan 0001 00:00:00 +0000".to_owned(), rfc1123);
        let (started, finished) = (time("startedAt"), time("finishedAt"));
        let _ = writeln!(out, "    {title}:\tTerminated");
        let mut say = |title: &str, text: &str| {
            let _ = writeln!(out, "      {title}:\t{text}");
        };
        if let Some(reason) = end["reason"].as_str().filter(|reason| !reason.is_empty()) {
            say("Reason", reason);
        }
        if let Some(message) = end["message"].as_str().filter(|message| !message.is_empty()) {
            say("Message", message);
        }
        say("Exit Code", &text_of(&end["exitCode"]));
        say("Started", &started);
        say("Finished", &finished);
    } else {
        let reason = state["waiting"]["reason"].as_str().filter(|reason| !reason.is_empty());
        let _ = writeln!(out, "    {title}:\tWaiting");
        if let Some(reason) = reason {
            let _ = writeln!(out, "      Reason:\t{reason}");
        }
    }
}

fn resources(out: &mut String, resources: &Value) {
    for (title, key) in [("Limits", "limits"), ("Requests", "requests")] {
        let Some(list) = resources[key].as_object().filter(|list| !list.is_empty()) else { continue };
        let mut list: Vec<_> = list.iter().collect();
        list.sort_by_key(|(name, _)| *name);
        let _ = writeln!(out, "    {title}:");
        for (name, amount) in list {
            let _ = writeln!(out, "      {name}:\t{}", text_of(amount));
        }
    }
}

/// A probe in one line.
fn probe(probe: &Value) -> String {
    let seconds = |key: &str| probe[key].as_i64().unwrap_or(0);
    let attributes = format!(
        "delay={}s timeout={}s period={}s #success={} #failure={}",
        seconds("initialDelaySeconds"),
        seconds("timeoutSeconds"),
        seconds("periodSeconds"),
        seconds("successThreshold"),
        seconds("failureThreshold")
    );
    if let Some(command) = probe["exec"]["command"].as_array() {
        let words: Vec<String> = command.iter().map(text_of).collect();
        return format!("exec [{}] {attributes}", words.join(" "));
    }
    if probe["httpGet"].is_object() {
        let get = &probe["httpGet"];
        let scheme = text_of(&get["scheme"]).to_ascii_lowercase();
        let (host, path) = (get["host"].as_str().unwrap_or_default(), get["path"].as_str().unwrap_or_default());
        let slash = if path.starts_with('/') || path.is_empty() { "" } else { "/" };
        return format!("http-get {scheme}://{host}:{}{slash}{path} {attributes}", text_of(&get["port"]));
    }
    if probe["tcpSocket"].is_object() {
        let socket = &probe["tcpSocket"];
        let host = socket["host"].as_str().unwrap_or_default();
        return format!("tcp-socket {host}:{} {attributes}", text_of(&socket["port"]));
    }
    if probe["grpc"].is_object() {
        let service = probe["grpc"]["service"].as_str().unwrap_or_default();
        return format!("grpc <pod>:{} {service} {attributes}", text_of(&probe["grpc"]["port"]));
    }
    format!("unknown {attributes}")
}

fn environment(out: &mut String, container: &Value) {
    if let Some(sources) = container["envFrom"].as_array().filter(|sources| !sources.is_empty()) {
        out.push_str("    Environment Variables from:\n");
        for source in sources {
            let (kind, of) = if source["configMapRef"].is_object() {
                ("ConfigMap", &source["configMapRef"])
            } else {
                ("Secret", &source["secretRef"])
            };
            let prefix = source["prefix"].as_str().filter(|prefix| !prefix.is_empty());
            let prefix = prefix.map_or_else(String::new, |prefix| format!(" with prefix '{prefix}'"));
            let (name, optional) = (text_of(&of["name"]), of["optional"] == true);
            let _ = writeln!(out, "      {name}\t{kind}{prefix}\tOptional: {optional}");
        }
    }
    let Some(list) = container["env"].as_array().filter(|list| !list.is_empty()) else {
        out.push_str("    Environment:\t<none>\n");
        return;
    };
    out.push_str("    Environment:\n");
    for variable in list {
        let (name, from) = (text_of(&variable["name"]), &variable["valueFrom"]);
        let line = if let Some(key) = from["secretKeyRef"].as_object() {
            let (of, optional) = (&from["secretKeyRef"], key.get("optional") == Some(&Value::Bool(true)));
            let (key, secret) = (text_of(&of["key"]), text_of(&of["name"]));
            format!("{name}:\t<set to the key '{key}' in secret '{secret}'>\tOptional: {optional}")
        } else if from["configMapKeyRef"].is_object() {
            let of = &from["configMapKeyRef"];
            let (key, map, optional) = (text_of(&of["key"]), text_of(&of["name"]), of["optional"] == true);
            format!("{name}:\t<set to the key '{key}' of config map '{map}'>\tOptional: {optional}")
        } else if from["fieldRef"].is_object() {
            let of = &from["fieldRef"];
            format!("{name}:\t ({}:{})", text_of(&of["apiVersion"]), text_of(&of["fieldPath"]))
        } else if from["resourceFieldRef"].is_object() {
            format!("{name}:\t ({})", text_of(&from["resourceFieldRef"]["resource"]))
        } else {
            let value = variable["value"].as_str().map_or_else(String::new, str::to_owned);
            format!("{name}:\t{}", value.replace('\n', "\n      \t"))
        };
        let _ = writeln!(out, "      {line}");
    }
}

fn mounts(out: &mut String, container: &Value) {
    let mut list: Vec<&Value> = container["volumeMounts"].as_array().into_iter().flatten().collect();
    if list.is_empty() {
        out.push_str("    Mounts:\t<none>\n");
        return;
    }
    list.sort_by_key(|mount| text_of(&mount["mountPath"]));
    out.push_str("    Mounts:\n");
    for mount in list {
        let mut flags = if mount["readOnly"] == true { "ro" } else { "rw" }.to_owned();
        if let Some(path) = mount["subPath"].as_str().filter(|path| !path.is_empty()) {
            let _ = write!(flags, ",path={}", go_quote(path));
        }
        let _ = writeln!(out, "      {} from {} ({flags})", text_of(&mount["mountPath"]), text_of(&mount["name"]));
    }
}
