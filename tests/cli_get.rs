//! `podsim get` and `podsim describe` print what kubectl would: whole texts, from the scenario file to stdout. The times
//! follow from the control plane below: nothing takes time but a sandbox (0.5 s), a start (0.25 s), and a pull (0.5 s and
//! 1 s for every 100 MB; an image that is not listed has 100 MB).

use std::path::{Path, PathBuf};
use std::process::Command;

const EVEN: &str = r#"
[control_plane]
preset = "instant"
sandbox_start = "500ms"
container_start = "250ms"
image_manifest = "500ms"
image_bandwidth = "100M/s"
[[node_pool]]
name = "node"
capacity = { cpu = "2", memory = "4Gi" }
"#;

/// A scenario with its manifests in a folder of its own.
struct Scene(PathBuf);

impl Scene {
    fn new(name: &str, manifests: &str, sections: &str) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cli-get").join(name);
        std::fs::create_dir_all(&folder).expect("a folder for tests");
        std::fs::write(folder.join("pods.yaml"), manifests).expect("a manifest");
        let header = "[scenario]\nstart = \"2026-03-02\"\nduration = \"3h\"\nmanifests = [\"pods.yaml\"]\n";
        std::fs::write(folder.join("run.toml"), format!("{header}{sections}{EVEN}")).expect("a scenario");
        Self(folder)
    }

    /// stdout, stderr and exit code.
    fn say(&self, line: &str) -> (String, String, i32) {
        let output = Command::new(env!("CARGO_BIN_EXE_podsim"))
            .current_dir(&self.0)
            .args(line.split(' '))
            .env_remove("CLICOLOR_FORCE")
            .output()
            .expect("podsim starts");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (text(&output.stdout), text(&output.stderr), output.status.code().expect("an exit code"))
    }

    #[track_caller]
    fn shows(&self, line: &str, wanted: &str) {
        let (out, told, code) = self.say(line);
        assert_eq!((&*out, code), (wanted, 0), "{line}\n{out}{told}");
    }
}

fn pod(name: &str, spec: &str) -> String {
    format!("---\napiVersion: v1\nkind: Pod\nmetadata:\n  name: {name}\n  labels: {{app: {name}}}\nspec:\n{spec}")
}

/// A container that exits with 1 as soon as it runs, one that is finished, one that asks for too much, one that does not
/// react to SIGTERM.
fn zoo() -> Scene {
    let one = "  containers: [{name: main, image: 'x:1'}]\n";
    let manifests = [
        pod("crash", one),
        pod("done", &format!("  restartPolicy: Never\n{one}")),
        pod("huge", "  containers: [{name: main, image: 'x:1', resources: {requests: {cpu: '64'}}}]\n"),
        pod("stubborn", &format!("  terminationGracePeriodSeconds: 60\n{one}")),
    ];
    let sections = r#"
[[behavior]]
select = { name = "crash" }
run = "0s"
exit_codes = 1
[[behavior]]
select = { name = "done" }
run = "20s"
exit_codes = 0
[[behavior]]
select = { name = "stubborn" }
on_terminate = { after = "never" }
[[change]]
at = "10m"
delete_pod = "stubborn"
"#;
    Scene::new("zoo", &manifests.concat(), sections)
}

#[test]
fn pods_are_listed_as_kubectl_lists_them() {
    let zoo = zoo();
    zoo.shows(
        "get pods run.toml --at 10m15s",
        "\
NAME       READY   STATUS             RESTARTS        AGE
crash      0/1     CrashLoopBackOff   6 (4m16s ago)   10m
done       0/1     Completed          0               10m
huge       0/1     Pending            0               10m
stubborn   1/1     Terminating        0               10m
",
    );
}
