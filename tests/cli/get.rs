//! `podsim get` and `podsim describe` print what kubectl would: whole texts, from the scenario file to stdout. The times
//! follow from the control plane below: nothing takes time but a sandbox (0.5 s), a start (0.25 s), and pulls, one after
//! the other (0.5 s, and 1 s more for the first one of the image).

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

const PODS: &str = r#"---
apiVersion: v1
kind: Pod
metadata: {name: crash, labels: {app: crash}}
spec:
  containers: [{name: main, image: 'x:1'}]
---
apiVersion: v1
kind: Pod
metadata: {name: done, labels: {app: done}}
spec:
  restartPolicy: Never
  containers: [{name: main, image: 'x:1'}]
---
apiVersion: v1
kind: Pod
metadata: {name: huge, labels: {app: huge}}
spec:
  containers: [{name: main, image: 'x:1', resources: {requests: {cpu: '64'}}}]
---
apiVersion: v1
kind: Pod
metadata: {name: stubborn, labels: {app: stubborn}}
spec:
  terminationGracePeriodSeconds: 60
  containers: [{name: main, image: 'x:1'}]
---
apiVersion: v1
kind: Pod
metadata: {name: strict, labels: {app: strict}}
spec:
  containers:
  - name: main
    image: 'x:1'
    readinessProbe: {tcpSocket: {port: 81}, periodSeconds: 10}
---
apiVersion: v1
kind: Pod
metadata: {name: unmounted, labels: {app: unmounted}}
spec:
  initContainers: [{name: setup, image: 'x:1'}]
  containers:
  - name: main
    image: 'x:1'
    volumeMounts: [{name: conf, mountPath: /etc/conf}]
  volumes: [{name: conf, configMap: {name: nothing}}]
"#;

const RUN: &str = r#"[scenario]
start = "2026-03-02"
duration = "3h"
manifests = ["pods.yaml"]
[[behavior]]
select = { name = "crash" }
run = "0s"
exit_codes = 1
[[behavior]]
select = { name = "done" }
run = "20s"
exit_codes = 0
[[behavior]]
select = { name = "strict" }
listens = []
[[behavior]]
select = { name = "stubborn" }
on_terminate = "ignore"
[[change]]
at = "10m"
delete = "Pod/stubborn"
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

/// A scenario with its manifests in a folder of its own: a container that exits with 1 as soon as it runs, one that is done
/// after 20 s, one that asks for too much, one that ignores SIGTERM, one that nobody can connect to, one without its volume.
struct Scene(PathBuf);

fn zoo() -> &'static Scene {
    static ZOO: OnceLock<Scene> = OnceLock::new();
    ZOO.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cli-get");
        std::fs::create_dir_all(&folder).expect("a folder for tests");
        std::fs::write(folder.join("pods.yaml"), PODS).expect("a manifest");
        std::fs::write(folder.join("run.toml"), RUN).expect("a scenario");
        Scene(folder)
    })
}

impl Scene {
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
        assert!(out == wanted && code == 0, "{line} ends with {code} and prints\n{out}{told}");
    }
}

#[test]
fn pods_are_listed_with_status_restarts_and_age() {
    zoo().shows(
        "get pods run.toml --at 10m15s -o wide",
        r#"NAME        READY   STATUS             RESTARTS        AGE   IP           NODE     NOMINATED NODE   READINESS GATES
crash       0/1     CrashLoopBackOff   6 (4m58s ago)   10m   10.128.0.2   node-0   <none>           <none>
done        0/1     Completed          0               10m   10.128.0.3   node-0   <none>           <none>
huge        0/1     Pending            0               10m   <none>       <none>   <none>           <none>
strict      0/1     Running            0               10m   10.128.0.6   node-0   <none>           <none>
stubborn    1/1     Terminating        0               10m   10.128.0.5   node-0   <none>           <none>
unmounted   0/1     Init:0/1           0               10m   <none>       node-0   <none>           <none>
"#,
    );
    zoo().shows(
        "get po run.toml crash done --at 00:01 --no-headers",
        r#"crash   0/1   CrashLoopBackOff   3 (26s ago)   60s
done    0/1   Completed          0             60s
"#,
    );
    zoo().shows(
        "get pods run.toml -A -l app=done --show-labels --at 2026-03-02T00:00:10Z",
        r#"NAMESPACE   NAME   READY   STATUS    RESTARTS   AGE   LABELS
default     done   1/1     Running   0          10s   app=done
"#,
    );
}

/// `kubectl get pods,nodes`: one table after the other, and names say of what kind they are.
#[test]
fn several_kinds_are_listed_one_after_the_other() {
    zoo().shows("get pods,no run.toml -l app=done --at 10s --no-headers", "pod/done   1/1   Running   0     10s\n");
    let (out, told, code) = zoo().say("get pods,services run.toml done --at 10s -o name");
    let not_found = "Error from server (NotFound): services \"done\" not found\n";
    assert_eq!((&*out, &*told, code), ("pod/done\n", not_found, 1));
    let (out, ..) = zoo().say("get no,pods run.toml --at 10s");
    assert!(out.starts_with("NAME") && out.contains("\n\nNAME") && out.contains("\nnode/node-0 "), "{out}");
    let (out, ..) = zoo().say("get pods,nodes run.toml --at 10s -o json");
    let all: serde_json::Value = serde_json::from_str(&out).expect("JSON");
    let kinds: Vec<&str> =
        all["items"].as_array().into_iter().flatten().filter_map(|one| one["kind"].as_str()).collect();
    assert!(kinds.starts_with(&["Pod"]) && kinds.ends_with(&["Node"]), "{kinds:?}");
    assert_eq!(zoo().say("describe pods,nodes run.toml").2, 2);
}

#[test]
fn events_are_listed_by_the_time_they_were_seen_last() {
    zoo().shows(
        "get events run.toml --at 70s",
        r#"LAST SEEN   TYPE      REASON             OBJECT          MESSAGE
70s         Normal    Scheduled          pod/crash       Successfully assigned default/crash to node-0
70s         Normal    Scheduled          pod/done        Successfully assigned default/done to node-0
70s         Normal    Scheduled          pod/stubborn    Successfully assigned default/stubborn to node-0
70s         Normal    Scheduled          pod/strict      Successfully assigned default/strict to node-0
70s         Normal    Scheduled          pod/unmounted   Successfully assigned default/unmounted to node-0
70s         Normal    Pulling            pod/crash       Pulling image "x:1"
70s         Normal    Pulling            pod/done        Pulling image "x:1"
70s         Normal    Pulling            pod/stubborn    Pulling image "x:1"
70s         Normal    Pulling            pod/strict      Pulling image "x:1"
68s         Normal    Pulled             pod/crash       Successfully pulled image "x:1" in 1.5s (1.5s including waiting). Image size: 100000000 bytes.
68s         Normal    Pulled             pod/done        Successfully pulled image "x:1" in 500ms (2s including waiting). Image size: 100000000 bytes.
68s         Normal    Created            pod/done        Created container: main
68s         Normal    Started            pod/done        Started container main
67s         Normal    Pulled             pod/stubborn    Successfully pulled image "x:1" in 500ms (2.5s including waiting). Image size: 100000000 bytes.
67s         Normal    Created            pod/stubborn    Created container: main
67s         Normal    Started            pod/stubborn    Started container main
67s         Normal    Pulled             pod/strict      Successfully pulled image "x:1" in 500ms (3s including waiting). Image size: 100000000 bytes.
67s         Normal    Created            pod/strict      Created container: main
67s         Normal    Started            pod/strict      Started container main
47s         Warning   FailedScheduling   pod/huge        0/1 nodes are available: 1 Insufficient cpu. no new claims to deallocate, preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.
36s         Normal    Created            pod/crash       Created container: main
36s         Normal    Pulled             pod/crash       Container image "x:1" already present on machine
36s         Normal    Started            pod/crash       Started container main
7s          Warning   FailedMount        pod/unmounted   MountVolume.SetUp failed for volume "conf" : configmap "nothing" not found
7s          Warning   Unhealthy          pod/strict      Readiness probe failed: dial tcp :81: connect: connection refused
5s          Warning   BackOff            pod/crash       Back-off restarting failed container main in pod crash_default(0529f2d9-f3ae-4ac4-bca1-b5c64dae29f1)
"#,
    );
}

#[test]
fn nodes_are_listed() {
    zoo().shows(
        "get nodes run.toml --at 10m -o wide",
        r#"NAME     STATUS   ROLES    AGE   VERSION   INTERNAL-IP   EXTERNAL-IP   OS-IMAGE   KERNEL-VERSION   CONTAINER-RUNTIME
node-0   Ready    <none>   10m   v1.34.1   172.18.0.2    <none>        podsim     0.0.0            containerd://2.1.4
"#,
    );
}

/// Of more than 25 Events one passes every five minutes, and then with the whole count.
#[test]
fn a_crash_looping_pod_is_described() {
    zoo().shows(
        "describe pod run.toml crash --at 10m15s",
        r#"Name:         crash
Namespace:    default
Priority:     0
Node:         node-0/172.18.0.2
Start Time:   Mon, 02 Mar 2026 00:00:00 +0000
Labels:       app=crash
Annotations:  <none>
Status:       Running
IP:           10.128.0.2
IPs:
  IP:  10.128.0.2
Containers:
  main:
    Container ID:   containerd://5e995939a05f9d35b8b1f7025256a4bd00b52d7b9fef972e8d6b2b8e7bb06bbb
    Image:          x:1
    Image ID:       x@sha256:3fe2ee7f1754e7a850d78b730129209b86471ab5f21fe3faab2d53f912049194
    Port:           <none>
    Host Port:      <none>
    State:          Waiting
      Reason:       CrashLoopBackOff
    Last State:     Terminated
      Reason:       Error
      Exit Code:    1
      Started:      Mon, 02 Mar 2026 00:05:17 +0000
      Finished:     Mon, 02 Mar 2026 00:05:17 +0000
    Ready:          False
    Restart Count:  6
    Environment:    <none>
    Mounts:         <none>
Conditions:
  Type                        Status
  PodReadyToStartContainers   True 
  Initialized                 True 
  Ready                       False 
  ContainersReady             False 
  PodScheduled                True 
Volumes:                      <none>
QoS Class:                    BestEffort
Node-Selectors:               <none>
Tolerations:                  node.kubernetes.io/not-ready:NoExecute op=Exists for 300s
                              node.kubernetes.io/unreachable:NoExecute op=Exists for 300s
Events:
  Type     Reason     Age                From               Message
  ----     ------     ----               ----               -------
  Normal   Scheduled  10m                default-scheduler  Successfully assigned default/crash to node-0
  Normal   Pulling    10m                kubelet            Pulling image "x:1"
  Normal   Pulled     10m                kubelet            Successfully pulled image "x:1" in 1.5s (1.5s including waiting). Image size: 100000000 bytes.
  Normal   Created    9m (x5 over 10m)   kubelet            Created container: main
  Normal   Started    9m (x5 over 10m)   kubelet            Started container main
  Normal   Pulled     9m (x4 over 10m)   kubelet            Container image "x:1" already present on machine
  Warning  BackOff    7s (x61 over 10m)  kubelet            Back-off restarting failed container main in pod crash_default(0529f2d9-f3ae-4ac4-bca1-b5c64dae29f1)
"#,
    );
}

#[test]
fn a_pending_pod_is_described() {
    zoo().shows(
        "describe pod run.toml huge --at 16m",
        r#"Name:         huge
Namespace:    default
Priority:     0
Node:         <none>
Labels:       app=huge
Annotations:  <none>
Status:       Pending
IP:           
IPs:          <none>
Containers:
  main:
    Image:      x:1
    Port:       <none>
    Host Port:  <none>
    Requests:
      cpu:        64
    Environment:  <none>
    Mounts:       <none>
Conditions:
  Type           Status
  PodScheduled   False 
Volumes:         <none>
QoS Class:       Burstable
Node-Selectors:  <none>
Tolerations:     node.kubernetes.io/not-ready:NoExecute op=Exists for 300s
                 node.kubernetes.io/unreachable:NoExecute op=Exists for 300s
Events:
  Type     Reason            Age                From               Message
  ----     ------            ----               ----               -------
  Warning  FailedScheduling  15m (x2 over 16m)  default-scheduler  0/1 nodes are available: 1 Insufficient cpu. no new claims to deallocate, preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.
"#,
    );
}

#[test]
fn a_terminating_pod_is_described() {
    zoo().shows(
        "describe pod run.toml stubborn --at 10m15s",
        r#"Name:                      stubborn
Namespace:                 default
Priority:                  0
Node:                      node-0/172.18.0.2
Start Time:                Mon, 02 Mar 2026 00:00:00 +0000
Labels:                    app=stubborn
Annotations:               <none>
Status:                    Terminating (lasts <invalid>)
Termination Grace Period:  60s
IP:                        10.128.0.5
IPs:
  IP:  10.128.0.5
Containers:
  main:
    Container ID:   containerd://156bea710a2e8e2da02201915d48b7f3055977fe83a5ef35db5947e6bd87571c
    Image:          x:1
    Image ID:       x@sha256:3fe2ee7f1754e7a850d78b730129209b86471ab5f21fe3faab2d53f912049194
    Port:           <none>
    Host Port:      <none>
    State:          Running
      Started:      Mon, 02 Mar 2026 00:00:03 +0000
    Ready:          True
    Restart Count:  0
    Environment:    <none>
    Mounts:         <none>
Conditions:
  Type                        Status
  PodReadyToStartContainers   True 
  Initialized                 True 
  Ready                       True 
  ContainersReady             True 
  PodScheduled                True 
Volumes:                      <none>
QoS Class:                    BestEffort
Node-Selectors:               <none>
Tolerations:                  node.kubernetes.io/not-ready:NoExecute op=Exists for 300s
                              node.kubernetes.io/unreachable:NoExecute op=Exists for 300s
Events:
  Type    Reason     Age   From               Message
  ----    ------     ----  ----               -------
  Normal  Scheduled  10m   default-scheduler  Successfully assigned default/stubborn to node-0
  Normal  Pulling    10m   kubelet            Pulling image "x:1"
  Normal  Pulled     10m   kubelet            Successfully pulled image "x:1" in 500ms (2.5s including waiting). Image size: 100000000 bytes.
  Normal  Created    10m   kubelet            Created container: main
  Normal  Started    10m   kubelet            Started container main
  Normal  Killing    15s   kubelet            Stopping container main
"#,
    );
}

/// The first attempt to mount fails at 0 s, the others at 0.5, 1.5, 3.5, 7.5, 15.5, 31.5, 63.5, 127.5, 249.5, 371.5 and
/// 493.5 s; a sync gives up every 123 s and is tried again at the first full second 10 s later.
#[test]
fn a_pod_without_its_volume_is_described() {
    zoo().shows(
        "describe pod/unmounted run.toml --at 10m",
        r#"Name:         unmounted
Namespace:    default
Priority:     0
Node:         node-0/172.18.0.2
Start Time:   Mon, 02 Mar 2026 00:00:00 +0000
Labels:       app=unmounted
Annotations:  <none>
Status:       Pending
IP:           
IPs:          <none>
Init Containers:
  setup:
    Container ID:   
    Image:          x:1
    Image ID:       
    Port:           <none>
    Host Port:      <none>
    State:          Waiting
      Reason:       PodInitializing
    Ready:          False
    Restart Count:  0
    Environment:    <none>
    Mounts:         <none>
Containers:
  main:
    Container ID:   
    Image:          x:1
    Image ID:       
    Port:           <none>
    Host Port:      <none>
    State:          Waiting
      Reason:       PodInitializing
    Ready:          False
    Restart Count:  0
    Environment:    <none>
    Mounts:
      /etc/conf from conf (rw)
Conditions:
  Type                        Status
  PodReadyToStartContainers   False 
  Initialized                 False 
  Ready                       False 
  ContainersReady             False 
  PodScheduled                True 
Volumes:
  conf:
    Type:        ConfigMap (a volume populated by a ConfigMap)
    Name:        nothing
    Optional:    false
QoS Class:       BestEffort
Node-Selectors:  <none>
Tolerations:     node.kubernetes.io/not-ready:NoExecute op=Exists for 300s
                 node.kubernetes.io/unreachable:NoExecute op=Exists for 300s
Events:
  Type     Reason       Age                  From               Message
  ----     ------       ----                 ----               -------
  Normal   Scheduled    10m                  default-scheduler  Successfully assigned default/unmounted to node-0
  Warning  FailedMount  107s (x12 over 10m)  kubelet            MountVolume.SetUp failed for volume "conf" : configmap "nothing" not found
  Warning  FailedMount  78s (x4 over 7m57s)  kubelet            Unable to attach or mount volumes: unmounted volumes=[conf], unattached volumes=[], failed to process volumes=[]: timed out waiting for the condition
"#,
    );
}

/// It starts at 3.25 s, and probes at once and every 10 s: twelve times until 2m.
#[test]
fn a_failing_probe_is_counted_at_each_tick() {
    zoo().shows(
        "describe pod strict run.toml --at 2m",
        r#"Name:         strict
Namespace:    default
Priority:     0
Node:         node-0/172.18.0.2
Start Time:   Mon, 02 Mar 2026 00:00:00 +0000
Labels:       app=strict
Annotations:  <none>
Status:       Running
IP:           10.128.0.6
IPs:
  IP:  10.128.0.6
Containers:
  main:
    Container ID:   containerd://01c865299e249f2953e5005d22122770bd691caa7333782a62addf80ca63a3d9
    Image:          x:1
    Image ID:       x@sha256:3fe2ee7f1754e7a850d78b730129209b86471ab5f21fe3faab2d53f912049194
    Port:           <none>
    Host Port:      <none>
    State:          Running
      Started:      Mon, 02 Mar 2026 00:00:03 +0000
    Ready:          False
    Restart Count:  0
    Readiness:      tcp-socket :81 delay=0s timeout=1s period=10s #success=1 #failure=3
    Environment:    <none>
    Mounts:         <none>
Conditions:
  Type                        Status
  PodReadyToStartContainers   True 
  Initialized                 True 
  Ready                       False 
  ContainersReady             False 
  PodScheduled                True 
Volumes:                      <none>
QoS Class:                    BestEffort
Node-Selectors:               <none>
Tolerations:                  node.kubernetes.io/not-ready:NoExecute op=Exists for 300s
                              node.kubernetes.io/unreachable:NoExecute op=Exists for 300s
Events:
  Type     Reason     Age                 From               Message
  ----     ------     ----                ----               -------
  Normal   Scheduled  2m                  default-scheduler  Successfully assigned default/strict to node-0
  Normal   Pulling    2m                  kubelet            Pulling image "x:1"
  Normal   Pulled     117s                kubelet            Successfully pulled image "x:1" in 500ms (3s including waiting). Image size: 100000000 bytes.
  Normal   Created    117s                kubelet            Created container: main
  Normal   Started    117s                kubelet            Started container main
  Warning  Unhealthy  7s (x12 over 117s)  kubelet            Readiness probe failed: dial tcp :81: connect: connection refused
"#,
    );
}

#[test]
fn a_node_is_described() {
    zoo().shows(
        "describe node run.toml node-0 --at 10m",
        r#"Name:               node-0
Roles:              <none>
Labels:             kubernetes.io/arch=amd64
                    kubernetes.io/hostname=node-0
                    kubernetes.io/os=linux
Annotations:        <none>
CreationTimestamp:  Mon, 02 Mar 2026 00:00:00 +0000
Taints:             <none>
Unschedulable:      false
Lease:
  HolderIdentity:  node-0
  AcquireTime:     <unset>
  RenewTime:       Mon, 02 Mar 2026 00:09:54 +0000
Conditions:
  Type             Status  LastHeartbeatTime                 LastTransitionTime                Reason                       Message
  ----             ------  -----------------                 ------------------                ------                       -------
  MemoryPressure   False   Mon, 02 Mar 2026 00:10:00 +0000   Mon, 02 Mar 2026 00:00:00 +0000   KubeletHasSufficientMemory   kubelet has sufficient memory available
  DiskPressure     False   Mon, 02 Mar 2026 00:10:00 +0000   Mon, 02 Mar 2026 00:00:00 +0000   KubeletHasNoDiskPressure     kubelet has no disk pressure
  PIDPressure      False   Mon, 02 Mar 2026 00:10:00 +0000   Mon, 02 Mar 2026 00:00:00 +0000   KubeletHasSufficientPID      kubelet has sufficient PID available
  Ready            True    Mon, 02 Mar 2026 00:10:00 +0000   Mon, 02 Mar 2026 00:00:00 +0000   KubeletReady                 kubelet is posting ready status
Addresses:
  InternalIP:  172.18.0.2
  Hostname:    node-0
Capacity:
  cpu:                2
  ephemeral-storage:  104857600Ki
  memory:             4194304Ki
  pods:               110
Allocatable:
  cpu:                2
  ephemeral-storage:  96636764000
  memory:             4091904Ki
  pods:               110
System Info:
  Machine ID:                 e7e4fa75a34c1f034cbc159bdf19ec2b
  System UUID:                e7e4fa75-a34c-4f03-8cbc-159bdf19ec2b
  Boot ID:                    6ca247c2-8daa-461e-8452-5c6b7bc30ce6
  Kernel Version:             0.0.0
  OS Image:                   podsim
  Operating System:           linux
  Architecture:               amd64
  Container Runtime Version:  containerd://2.1.4
  Kubelet Version:            v1.34.1
  Kube-Proxy Version:         
Non-terminated Pods:          (4 in total)
  Namespace                   Name         CPU Requests  CPU Limits  Memory Requests  Memory Limits  Age
  ---------                   ----         ------------  ----------  ---------------  -------------  ---
  default                     crash        0 (0%)        0 (0%)      0 (0%)           0 (0%)         10m
  default                     strict       0 (0%)        0 (0%)      0 (0%)           0 (0%)         10m
  default                     stubborn     0 (0%)        0 (0%)      0 (0%)           0 (0%)         10m
  default                     unmounted    0 (0%)        0 (0%)      0 (0%)           0 (0%)         10m
Allocated resources:
  (Total limits may be over 100 percent, i.e., overcommitted.)
  Resource           Requests  Limits
  --------           --------  ------
  cpu                0 (0%)    0 (0%)
  memory             0 (0%)    0 (0%)
  ephemeral-storage  0 (0%)    0 (0%)
Events:  <none>
"#,
    );
}

#[test]
fn a_finished_pod_is_printed_whole() {
    zoo().shows(
        "get pod run.toml done --at 1m -o yaml",
        r#"apiVersion: v1
kind: Pod
metadata:
  creationTimestamp: "2026-03-02T00:00:00Z"
  generation: 1
  labels:
    app: done
  name: done
  namespace: default
  uid: e92eb7fd-ba21-426d-a111-76ace1ac5421
spec:
  containers:
  - image: x:1
    imagePullPolicy: IfNotPresent
    name: main
    resources: {}
    terminationMessagePath: /dev/termination-log
    terminationMessagePolicy: File
  dnsPolicy: ClusterFirst
  enableServiceLinks: true
  nodeName: node-0
  preemptionPolicy: PreemptLowerPriority
  priority: 0
  restartPolicy: Never
  schedulerName: default-scheduler
  securityContext: {}
  terminationGracePeriodSeconds: 30
  tolerations:
  - effect: NoExecute
    key: node.kubernetes.io/not-ready
    operator: Exists
    tolerationSeconds: 300
  - effect: NoExecute
    key: node.kubernetes.io/unreachable
    operator: Exists
    tolerationSeconds: 300
status:
  conditions:
  - lastProbeTime: null
    lastTransitionTime: "2026-03-02T00:00:22Z"
    status: "False"
    type: PodReadyToStartContainers
  - lastProbeTime: null
    lastTransitionTime: "2026-03-02T00:00:00Z"
    reason: PodCompleted
    status: "True"
    type: Initialized
  - lastProbeTime: null
    lastTransitionTime: "2026-03-02T00:00:22Z"
    reason: PodCompleted
    status: "False"
    type: Ready
  - lastProbeTime: null
    lastTransitionTime: "2026-03-02T00:00:22Z"
    reason: PodCompleted
    status: "False"
    type: ContainersReady
  - lastProbeTime: null
    lastTransitionTime: "2026-03-02T00:00:00Z"
    status: "True"
    type: PodScheduled
  containerStatuses:
  - containerID: containerd://8cdb14f59c379309f21fcf9421dc4c31a28c4d0a4212e1701339e158d3f2ec06
    image: x:1
    imageID: x@sha256:3fe2ee7f1754e7a850d78b730129209b86471ab5f21fe3faab2d53f912049194
    lastState: {}
    name: main
    ready: false
    restartCount: 0
    started: false
    state:
      terminated:
        containerID: containerd://8cdb14f59c379309f21fcf9421dc4c31a28c4d0a4212e1701339e158d3f2ec06
        exitCode: 0
        finishedAt: "2026-03-02T00:00:22Z"
        reason: Completed
        startedAt: "2026-03-02T00:00:02Z"
  hostIP: 172.18.0.2
  hostIPs:
  - ip: 172.18.0.2
  phase: Succeeded
  podIP: 10.128.0.3
  podIPs:
  - ip: 10.128.0.3
  qosClass: BestEffort
  startTime: "2026-03-02T00:00:00Z"
"#,
    );
}

#[test]
fn what_is_not_there_is_told_as_kubectl_tells_it() {
    let not_found = "Error from server (NotFound): pods \"nobody\" not found\n";
    let (out, told, code) = zoo().say("get pods run.toml nobody done --at 1m -o name");
    assert_eq!((&*out, &*told, code), ("pod/done\n", not_found, 1));
    assert_eq!(zoo().say("describe pod run.toml nobody"), (String::new(), not_found.to_owned(), 1));
    let (out, told, code) = zoo().say("get pods run.toml -n kube-system");
    assert_eq!((&*out, &*told, code), ("", "No resources found in kube-system namespace.\n", 0));
    let (_, told, code) = zoo().say("get widgets run.toml");
    assert!(told.starts_with("error: the server doesn't have a resource type \"widgets\"\n") && code == 1, "{told}");
    for (at, wrong) in [("4h", "after the run has ended"), ("2026-03-01", "before the run"), ("soon", "is not a time")]
    {
        let (out, told, code) = zoo().say(&format!("get pods run.toml --at {at}"));
        assert!(out.is_empty() && told.contains(wrong) && code == 2, "{at}: {told}");
    }
}

/// Events are kept for an hour after they were written last.
#[test]
fn old_events_are_forgotten() {
    let events = |at: &str| zoo().say(&format!("get events run.toml --at {at}")).0;
    assert!(events("59m").contains("pod/done"));
    let late = events("61m");
    assert!(!late.contains("pod/done") && late.contains("BackOff"), "{late}");
}

/// What `-o json` prints is the same object as `-o yaml`, and the list holds it.
#[test]
fn json_and_yaml_are_one_object() {
    let json = |line: &str| -> serde_json::Value { serde_json::from_str(&zoo().say(line).0).expect("JSON") };
    let one = json("get pod run.toml crash --at 5m -o json");
    let all = json("get pods run.toml --at 5m -o json");
    assert_eq!(all["items"][0], one);
    let waiting = &one["status"]["containerStatuses"][0]["state"]["waiting"];
    let uid = one["metadata"]["uid"].as_str().expect("a uid");
    let message = format!("back-off 2m40s restarting failed container=main pod=crash_default({uid})");
    assert_eq!((&waiting["reason"], &waiting["message"]), (&"CrashLoopBackOff".into(), &message.into()));
    let yaml: serde_json::Value =
        serde_saphyr::from_str(&zoo().say("get pod run.toml crash --at 5m -o yaml").0).expect("YAML");
    assert_eq!(yaml, one);
    let events = json("get events run.toml --at 5m -o json");
    let of = |reason: &str| events["items"].as_array().into_iter().flatten().find(|e| e["reason"] == reason).cloned();
    let pulled = of("Pulled").expect("an event");
    assert_eq!(pulled["involvedObject"]["fieldPath"], "spec.containers{main}");
    assert_eq!(pulled["source"], serde_json::json!({ "component": "kubelet", "host": "node-0" }));
}

/// The scenario of the README, in the night when its service does not start.
#[test]
fn the_day_of_a_pod_can_be_looked_at() {
    let root = Scene(PathBuf::from(env!("CARGO_MANIFEST_DIR")));
    root.shows(
        "get pods scenarios/user-msvc.toml --at 3h20m",
        r#"NAME           READY   STATUS             RESTARTS        AGE
db-migration   0/1     Completed          0               3h20m
report         0/1     Error              0               3h20m
user-msvc      2/3     CrashLoopBackOff   10 (4m5s ago)   3h20m
"#,
    );
    let (out, ..) = root.say("get svc scenarios/user-msvc.toml --at 10s");
    assert!(out.contains("LoadBalancer") && out.contains("<pending>"), "{out}");
    let (out, ..) = root.say("get endpoints scenarios/user-msvc.toml --at 02:00");
    assert!(out.ends_with("user-msvc   10.128.0.4:443   120m\n"), "{out}");
    let (out, ..) = root.say("describe pod scenarios/user-msvc.toml user-msvc --at 23:00");
    assert!(out.contains("Status:                    Terminating (lasts 8"), "{out}");
    assert!(!out.contains("TaintManagerEviction"), "more than an hour ago: {out}");
}

/// Counting repetitions changes nothing of the run.
#[test]
fn who_looks_changes_nothing() {
    for scenario in [zoo().0.join("run.toml"), PathBuf::from("scenarios/user-msvc.toml")] {
        let plan = podsim::scenario::load(&scenario, &[]).plan.expect("a plan");
        let mut looked = podsim::Simulation::with_recorder(plan.clone(), podsim::record::KubeEvents::default());
        let at = plan.start + podsim::base::SimDuration::from_secs(4000);
        looked.run_until(at).expect("no limit");
        looked.tell_repeats(at);
        assert_eq!(looked.run().digest, podsim::Simulation::new(plan).run().digest, "{}", scenario.display());
    }
}
