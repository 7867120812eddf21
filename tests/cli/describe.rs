//! `podsim describe` of what controllers are for, and lists of what they leave: as kubectl prints them, whole texts. Nothing
//! takes time but a sandbox (0.5 s), a start (0.25 s), and pulls.

use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

const OBJECTS: &str = r#"apiVersion: v1
kind: Namespace
metadata: {name: default, labels: {team: a}}
---
apiVersion: v1
kind: ResourceQuota
metadata: {name: small}
spec: {hard: {pods: '20', requests.cpu: '4', count/jobs.batch: '5'}}
---
apiVersion: v1
kind: LimitRange
metadata: {name: bounds}
spec: {limits: [{type: Container, default: {cpu: 200m}, max: {cpu: '1'}}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: c, image: 'x:1', ports: [{containerPort: 80}]}]}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec:
  replicas: 1
  serviceName: db
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec: {containers: [{name: c, image: 'x:1'}]}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent}
spec:
  selector: {matchLabels: {app: agent}}
  template:
    metadata: {labels: {app: agent}}
    spec: {containers: [{name: c, image: 'x:1'}], volumes: [{name: v, emptyDir: {}}]}
---
apiVersion: batch/v1
kind: Job
metadata: {name: once}
spec: {completions: 2, completionMode: Indexed, template: {spec: {restartPolicy: Never, containers: [{name: c, image: 'x:1'}]}}}
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: tick}
spec: {schedule: "*/5 * * * *", jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: c, image: 'x:1'}]}}}}}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: web}
spec: {maxUnavailable: 1, selector: {matchLabels: {app: web}}}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: web}
spec: {scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}, minReplicas: 2, maxReplicas: 4, behavior: {scaleDown: {stabilizationWindowSeconds: 60}}}
---
apiVersion: v1
kind: PersistentVolume
metadata: {name: disk}
spec: {capacity: {storage: 1Gi}, accessModes: [ReadWriteOnce], hostPath: {path: /data}}
"#;

const RUN: &str = r#"[scenario]
start = "2026-03-02"
duration = "1h"
manifests = ["all.yaml"]
[[node_pool]]
name = "node"
capacity = { cpu = "8", memory = "32Gi" }
[control_plane]
preset = "instant"
sandbox_start = "500ms"
container_start = "250ms"
image_manifest = "500ms"
image_bandwidth = "100M/s"
[[behavior]]
select = { name = "once" }
run = "30s"
[[behavior]]
select = { name = "tick" }
run = "30s"
[[change]]
at = "2m"
patch = "DaemonSet/agent"
with = "{spec: {template: {metadata: {annotations: {a: b}}}}}"
"#;

#[track_caller]
fn shows(line: &str, wanted: &str) {
    static FOLDER: OnceLock<std::path::PathBuf> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cli-describe");
        std::fs::create_dir_all(&folder).expect("a folder for tests");
        std::fs::write(folder.join("all.yaml"), OBJECTS).expect("a manifest");
        std::fs::write(folder.join("run.toml"), RUN).expect("a scenario");
        folder
    });
    let mut podsim = Command::new(env!("CARGO_BIN_EXE_podsim"));
    let output = podsim.current_dir(folder).args(line.split(' ')).output().expect("podsim starts");
    let (out, told) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(out == wanted && output.status.success(), "{line} prints\n{out}{told}");
}

#[test]
fn a_deployment_is_described() {
    shows(
        "describe deploy run.toml --at 10m15s",
        r#"Name:                   web
Namespace:              default
CreationTimestamp:      Mon, 02 Mar 2026 00:00:00 +0000
Labels:                 app=web
Annotations:            deployment.kubernetes.io/revision: 1
Selector:               app=web
Replicas:               2 desired | 2 updated | 2 total | 2 available | 0 unavailable
StrategyType:           RollingUpdate
MinReadySeconds:        0
RollingUpdateStrategy:  25% max unavailable, 25% max surge
Pod Template:
  Labels:  app=web
  Containers:
   c:
    Image:         x:1
    Port:          80/TCP
    Host Port:     0/TCP
    Environment:   <none>
    Mounts:        <none>
  Volumes:         <none>
  Node-Selectors:  <none>
  Tolerations:     <none>
Conditions:
  Type           Status  Reason
  ----           ------  ------
  Available      True    MinimumReplicasAvailable
  Progressing    True    NewReplicaSetAvailable
OldReplicaSets:  <none>
NewReplicaSet:   web-7fb99b64c9 (2/2 replicas created)
Events:
  Type    Reason             Age   From                   Message
  ----    ------             ----  ----                   -------
  Normal  ScalingReplicaSet  10m   deployment-controller  Scaled up replica set web-7fb99b64c9 from 0 to 2
"#,
    );
}

#[test]
fn a_job_is_described() {
    shows(
        "describe job run.toml once --at 10m15s",
        r#"Name:               once
Namespace:          default
Selector:           batch.kubernetes.io/controller-uid=bfe169dc-2b4e-46d5-8797-8d1388f6b8ed
Labels:             <none>
Annotations:        <none>
Parallelism:        1
Completions:        2
Completion Mode:    Indexed
Suspend:            false
Backoff Limit:      6
Start Time:         Mon, 02 Mar 2026 00:00:00 +0000
Completed At:       Mon, 02 Mar 2026 00:01:06 +0000
Duration:           66s
Pods Statuses:      0 Active (0 Ready) / 2 Succeeded / 0 Failed
Completed Indexes:  0,1
Pod Template:
  Labels:  batch.kubernetes.io/controller-uid=bfe169dc-2b4e-46d5-8797-8d1388f6b8ed
           batch.kubernetes.io/job-name=once
           controller-uid=bfe169dc-2b4e-46d5-8797-8d1388f6b8ed
           job-name=once
  Containers:
   c:
    Image:         x:1
    Port:          <none>
    Host Port:     <none>
    Environment:   <none>
    Mounts:        <none>
  Volumes:         <none>
  Node-Selectors:  <none>
  Tolerations:     <none>
Events:
  Type    Reason            Age    From            Message
  ----    ------            ----   ----            -------
  Normal  SuccessfulCreate  10m    job-controller  Created pod: once-0-drghw
  Normal  SuccessfulCreate  9m41s  job-controller  Created pod: once-1-x47rp
  Normal  Completed         9m9s   job-controller  Job completed
"#,
    );
}

#[test]
fn a_cron_job_is_described() {
    shows(
        "describe cronjob run.toml --at 10m15s",
        r#"Name:                          tick
Namespace:                     default
Labels:                        <none>
Annotations:                   <none>
Schedule:                      */5 * * * *
Concurrency Policy:            Allow
Suspend:                       False
Successful Job History Limit:  3
Failed Job History Limit:      1
Starting Deadline Seconds:     <unset>
Selector:                      <unset>
Parallelism:                   <unset>
Completions:                   <unset>
Pod Template:
  Labels:  <none>
  Containers:
   c:
    Image:           x:1
    Port:            <none>
    Host Port:       <none>
    Environment:     <none>
    Mounts:          <none>
  Volumes:           <none>
  Node-Selectors:    <none>
  Tolerations:       <none>
Last Schedule Time:  Mon, 02 Mar 2026 00:10:00 +0000
Active Jobs:         tick-29540170
Events:
  Type    Reason            Age    From                Message
  ----    ------            ----   ----                -------
  Normal  SuccessfulCreate  5m15s  cronjob-controller  Created job tick-29540165
  Normal  SawCompletedJob   4m44s  cronjob-controller  Saw completed job: tick-29540165, condition: Complete
  Normal  SuccessfulCreate  15s    cronjob-controller  Created job tick-29540170
"#,
    );
}

#[test]
fn a_quota_is_described() {
    shows(
        "describe quota run.toml --at 10m15s",
        r#"Name:             small
Namespace:        default
Resource          Used  Hard
--------          ----  ----
count/jobs.batch  3     5
pods              5     20
requests.cpu      1     4
"#,
    );
}

#[test]
fn a_namespace_is_described() {
    shows(
        "describe ns run.toml --at 10m15s",
        r#"Name:         default
Labels:       kubernetes.io/metadata.name=default
              team=a
Annotations:  <none>
Status:       Active

Resource Quotas
  Name:             small
  Resource          Used  Hard
  --------          ---   ---
  count/jobs.batch  3     5
  pods              5     20
  requests.cpu      1     4

Resource Limits
 Type       Resource  Min  Max  Default Request  Default Limit  Max Limit/Request Ratio
 ----       --------  ---  ---  ---------------  -------------  -----------------------
 Container  cpu       -    1    200m             200m           -
"#,
    );
}

#[test]
fn a_budget_is_described() {
    shows(
        "describe pdb run.toml --at 10m15s",
        r#"Name:             web
Namespace:        default
Max unavailable:  1
Selector:         app=web
Status:
    Allowed disruptions:  1
    Current:              2
    Desired:              1
    Total:                2
Events:
  Type    Reason  Age                From               Message
  ----    ------  ----               ----               -------
  Normal  NoPods  10m (x2 over 10m)  controllermanager  No matching pods found
"#,
    );
}

#[test]
fn a_stateful_set_is_described() {
    shows(
        "describe sts run.toml --at 10m15s",
        r#"Name:               db
Namespace:          default
CreationTimestamp:  Mon, 02 Mar 2026 00:00:00 +0000
Selector:           app=db
Labels:             <none>
Annotations:        <none>
Replicas:           1 desired | 1 total
Update Strategy:    RollingUpdate
  Partition:        0
Pods Status:        1 Running / 0 Waiting / 0 Succeeded / 0 Failed
Pod Template:
  Labels:  app=db
  Containers:
   c:
    Image:         x:1
    Port:          <none>
    Host Port:     <none>
    Environment:   <none>
    Mounts:        <none>
  Volumes:         <none>
  Node-Selectors:  <none>
  Tolerations:     <none>
Volume Claims:     <none>
Events:
  Type    Reason            Age   From                    Message
  ----    ------            ----  ----                    -------
  Normal  SuccessfulCreate  10m   statefulset-controller  create Pod db-0 in StatefulSet db successful
"#,
    );
}

#[test]
fn a_daemon_set_is_described() {
    shows(
        "describe ds run.toml --at 10m15s",
        r#"Name:           agent
Namespace:      default
Selector:       app=agent
Node-Selector:  <none>
Labels:         <none>
Annotations:    <none>
Desired Number of Nodes Scheduled: 1
Current Number of Nodes Scheduled: 1
Number of Nodes Scheduled with Up-to-date Pods: 1
Number of Nodes Scheduled with Available Pods: 1
Number of Nodes Misscheduled: 0
Pods Status:  1 Running / 0 Waiting / 0 Succeeded / 0 Failed
Pod Template:
  Labels:       app=agent
  Annotations:  a: b
  Containers:
   c:
    Image:        x:1
    Port:         <none>
    Host Port:    <none>
    Environment:  <none>
    Mounts:       <none>
  Volumes:
   v:
    Type:          EmptyDir (a temporary directory that shares a pod's lifetime)
    Medium:        
    SizeLimit:     <unset>
  Node-Selectors:  <none>
  Tolerations:     <none>
Events:
  Type    Reason            Age    From                  Message
  ----    ------            ----   ----                  -------
  Normal  SuccessfulCreate  10m    daemonset-controller  Created pod: agent-g9mx4
  Normal  SuccessfulDelete  8m15s  daemonset-controller  Deleted pod: agent-g9mx4
  Normal  SuccessfulCreate  8m15s  daemonset-controller  Created pod: agent-4ld9s
"#,
    );
}

#[test]
fn revisions_are_listed() {
    shows(
        "get controllerrevisions run.toml",
        r#"NAME            CONTROLLER             REVISION   AGE
agent-cv6vqr8   daemonset.apps/agent   1          60m
agent-fwhwjc6   daemonset.apps/agent   2          58m
db-hqcdg2l      statefulset.apps/db    1          60m
"#,
    );
}

#[test]
fn quotas_are_listed() {
    shows(
        "get quota run.toml",
        r#"NAME    REQUEST                                                   LIMIT   AGE
small   count/jobs.batch: 4/5, pods: 4/20, requests.cpu: 800m/4           60m
"#,
    );
}
