//! What admission lets in: quotas and limits of namespaces, with the times at which room is found again.

use crate::support::{Run, Scene, pod};
use podsim::model::ResourceList;
use podsim::model::objects::ObjectKind;

const PODS: &str = "containers: [{name: c, image: 'i:1', resources: {requests: {cpu: 500m}}}]";

fn quota(hard: &str) -> String {
    format!("apiVersion: v1\nkind: ResourceQuota\nmetadata: {{name: small}}\nspec: {{hard: {{{hard}}}}}\n---\n")
}

fn deployment(name: &str, replicas: u32, container: &str) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: {name}}}\nspec:\n  replicas: {replicas}\n  selector: \
         {{matchLabels: {{app: {name}}}}}\n  template:\n    metadata: {{labels: {{app: {name}}}}}\n    spec: {{containers: \
         [{{name: c, image: 'i:1'{container}}}]}}\n---\n"
    )
}

/// What is used of the quota, as kubectl writes it.
fn used(run: &Run) -> String {
    let mut quotas = run.sim.cluster().objects().of_kind(ObjectKind::ResourceQuota);
    let status = quotas.next().and_then(|(_, row)| row.status.quota().cloned()).unwrap_or_default();
    let text = |list: &ResourceList| list.iter().map(|(name, amount)| format!("{name}={amount}")).collect::<Vec<_>>();
    text(&status.used).join(",")
}

/// 8.9: a pod that does not fit is refused with upstream's words, and so is one that does not say what the quota bounds.
#[test]
fn a_quota_refuses_what_does_not_fit() {
    let yaml = quota("requests.cpu: '1', pods: '10'")
        + &pod("a", PODS)
        + &pod("b", PODS)
        + &pod("c", PODS)
        + &pod("d", "containers: [{name: x, image: 'i:1'}, {name: c, image: 'i:1', resources: {requests: {cpu: 1m}}}]");
    let run = Scene::new(&yaml).run();
    assert_eq!(used(&run), "pods=2,requests.cpu=1");
    let (outcome, _) = run.outcome();
    let answers: Vec<&str> = outcome.refused.iter().map(|(_, answer)| answer.as_str()).collect();
    let c = "pods \"c\" is forbidden: exceeded quota: small, requested: requests.cpu=500m, used: requests.cpu=1, \
             limited: requests.cpu=1";
    let d = "pods \"d\" is forbidden: failed quota: small: must specify requests.cpu for: x";
    assert_eq!(answers, [c, d]);
    assert_eq!((outcome.counters.writes_refused, outcome.counters.pods_created), (2, 2));
}

/// 8.9: what a pod was charged is given back as soon as it has ended, or is gone.
#[test]
fn what_has_ended_or_is_gone_is_used_no_more() {
    let once = format!("{PODS}, restartPolicy: Never");
    let yaml = quota("requests.cpu: '1', pods: '2', count/pods: '3'") + &pod("job", &once) + &pod("web", PODS);
    let sections = "[[behavior]]\nselect = { name = \"job\" }\nrun = \"20s\"\n[[behavior]]\nselect = { name = \"web\" }\non_terminate = { after = \
                    \"5s\", exit_code = 0 }\n[[change]]\nat = \"60s\"\ndelete = \"Pod/web\"\n";
    let mut run = Scene::new(&yaml).with(sections).start();
    run.until(10.0);
    assert_eq!(used(&run), "count/pods=2,pods=2,requests.cpu=1");
    run.until(22.0);
    assert_eq!(used(&run), "count/pods=2,pods=2,requests.cpu=1");
    // It started at 2.25 s.
    run.until(22.25).expect("pod job Succeeded", &[22.25]);
    assert_eq!(used(&run), "count/pods=2,pods=1,requests.cpu=500m");
    // It counts as long as it is on its way out.
    run.until(64.0);
    assert_eq!(used(&run), "count/pods=2,pods=1,requests.cpu=500m");
    run.until(66.0);
    run.expect("pod web removed", &[65.0]);
    assert_eq!(used(&run), "count/pods=1,pods=0,requests.cpu=0");
}

/// 8.9 and 8.2: a ReplicaSet makes what fits, says why there is no more, and tries again after 5 ms, 10 ms, ... until there
/// is room. Nobody tells it of the room.
#[test]
fn a_replica_set_tries_again_until_there_is_room() {
    let yaml = quota("pods: '3'") + &pod("old", PODS) + &deployment("web", 3, "");
    let sections = "[[behavior]]\nselect = { name = \"old\" }\non_terminate = { after = \"1s\", exit_code = 0 }\n[[change]]\nat = \
                    \"30s\"\ndelete = \"Pod/old\"\n";
    let mut run = Scene::new(&yaml).with(sections).start();
    run.until(29.0);
    assert_eq!(used(&run), "pods=3");
    let story = run.story("event ReplicaSet/web-");
    let failed: Vec<&String> = story.iter().filter(|line| line.contains("FailedCreate")).collect();
    assert!(failed[0].contains("Error creating: pods \"web-"), "{}", failed[0]);
    let end = "is forbidden: exceeded quota: small, requested: pods=1, used: pods=3, limited: pods=3";
    assert!(failed.iter().all(|line| line.ends_with(end)), "{failed:#?}");
    // Pods that become ready count as further reasons to try: 14 refusals, the last of them at 25.525 s. From there it is
    // 5 ms doubled 13 times, although there is room after 31 s.
    assert_eq!(failed.len(), 14);
    run.until(120.0);
    run.expect("pod old removed", &[31.0]);
    assert_eq!(run.times("event ReplicaSet/web-").last(), Some(&66.485));
    assert_eq!(used(&run), "pods=3");
}

fn answers(run: Run) -> Vec<String> {
    run.outcome().0.refused.into_iter().map(|(_, answer)| answer).collect()
}

/// 8.9: ConfigMaps, Secrets and what claims grow by are refused as pods are, and what goes makes room.
#[test]
fn quotas_refuse_configuration_and_claims() {
    let config = |kind: &str, name: &str| format!("apiVersion: v1\nkind: {kind}\nmetadata: {{name: {name}}}\n---\n");
    let claim = |size: &str| {
        format!(
            "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {{name: data}}\nspec: {{accessModes: [ReadWriteOnce], \
             storageClassName: fast, resources: {{requests: {{storage: {size}}}}}}}\n---\n"
        )
    };
    let class = "apiVersion: storage.k8s.io/v1\nkind: StorageClass\nmetadata: {name: fast}\nprovisioner: ebs.csi.aws.com\n\
                 allowVolumeExpansion: true\n---\n";
    let yaml = quota("count/configmaps: '1', secrets: '0', requests.storage: 3Gi")
        + &config("ConfigMap", "old")
        + class
        + &claim("1Gi");
    let changes = [(10, "new"), (20, "secret"), (30, "large"), (40, "more"), (60, "new")];
    let apply = |&(at, name): &(i32, &str)| format!("[[change]]\nat = \"{at}s\"\napply = \"{name}.yaml\"\n");
    let sections =
        changes.iter().map(apply).collect::<String>() + "[[change]]\nat = \"50s\"\ndelete = \"ConfigMap/old\"\n";
    let mut run = Scene::new(&yaml)
        .with(&sections)
        .file("new.yaml", &config("ConfigMap", "new"))
        .file("secret.yaml", &config("Secret", "key"))
        .file("large.yaml", &claim("4Gi"))
        .file("more.yaml", &claim("3Gi"))
        .start();
    run.until(35.0);
    assert_eq!(used(&run), "count/configmaps=1,requests.storage=1Gi,secrets=0");
    run.until(55.0);
    assert_eq!(used(&run), "count/configmaps=0,requests.storage=3Gi,secrets=0");
    run.until(65.0);
    assert_eq!(used(&run), "count/configmaps=1,requests.storage=3Gi,secrets=0");
    let end =
        |kind: &str, name: &str, what: &str| format!("{kind} \"{name}\" is forbidden: exceeded quota: small, {what}");
    let expected = [
        end(
            "configmaps",
            "new",
            "requested: count/configmaps=1, used: count/configmaps=1, limited: count/configmaps=1",
        ),
        end("secrets", "key", "requested: secrets=1, used: secrets=0, limited: secrets=0"),
        end(
            "persistentvolumeclaims",
            "data",
            "requested: requests.storage=3Gi, used: requests.storage=1Gi, limited: requests.storage=3Gi",
        ),
    ];
    assert_eq!(answers(run), expected);
}

/// 8.9: a resize is charged what it asks for beyond what the pod counts for, and gives back once its node grants less.
#[test]
fn quotas_bound_resizes() {
    let both = "containers: [{name: c, image: 'i:1', resources: {requests: {cpu: 500m}, limits: {cpu: '4'}}}]";
    let yaml = quota("requests.cpu: '2', limits.cpu: '8'") + &pod("a", both) + &pod("b", both);
    let resize = |at: i32, pod: &str, cpu: &str| {
        format!(
            "[[change]]\nat = \"{at}s\"\nresize = \"Pod/{pod}\"\ncontainer = \"c\"\nrequests = {{ cpu = \"{cpu}\" }}\n"
        )
    };
    let sections =
        resize(20, "a", "1") + &resize(40, "b", "1500m") + &resize(60, "a", "200m") + &resize(80, "b", "1400m");
    let mut run = Scene::new(&yaml).with(&sections).start();
    run.until(19.0);
    assert_eq!(used(&run), "limits.cpu=8,requests.cpu=1");
    run.until(20.0);
    assert_eq!(used(&run), "limits.cpu=8,requests.cpu=1500m");
    run.until(59.0);
    assert_eq!(used(&run), "limits.cpu=8,requests.cpu=1500m");
    run.until(79.0);
    assert_eq!(used(&run), "limits.cpu=8,requests.cpu=700m");
    run.until(90.0);
    assert_eq!(used(&run), "limits.cpu=8,requests.cpu=1600m");
    let refused = "pods \"b\" is forbidden: exceeded quota: small, requested: requests.cpu=1, used: requests.cpu=1500m, \
                   limited: requests.cpu=2";
    assert_eq!(answers(run), [refused]);
}

/// 8.10: limits refuse pods and claims, with the names of what is wrong.
#[test]
fn limits_refuse_pods_and_claims() {
    let limits = "apiVersion: v1\nkind: LimitRange\nmetadata: {name: bounds}\nspec: {limits: [{type: Container, max: {cpu: \
                  '1'}, min: {cpu: 100m}}, {type: PersistentVolumeClaim, max: {storage: 5Gi}}]}\n---\n";
    let claim = "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: big}\nspec: {accessModes: [ReadWriteOnce], \
                 resources: {requests: {storage: 6Gi}}}\n---\n";
    let large = "containers: [{name: c, image: 'i:1', resources: {limits: {cpu: '2'}}}]";
    let small = "containers: [{name: c, image: 'i:1', resources: {requests: {cpu: 50m}}}]";
    let yaml =
        [limits, &pod("large", large), &pod("small", small), &pod("fits", "containers: [{name: c, image: 'i:1'}]")];
    let scene = Scene::new(&yaml.concat()).with("[[change]]\nat = \"30s\"\napply = \"claim.yaml\"\n");
    let (outcome, _) = scene.file("claim.yaml", claim).run().outcome();
    let answers: Vec<&str> = outcome.refused.iter().map(|(_, answer)| answer.as_str()).collect();
    assert_eq!(
        answers,
        [
            "pods \"large\" is forbidden: maximum cpu usage per Container is 1, but limit is 2",
            "pods \"small\" is forbidden: minimum cpu usage per Container is 100m, but request is 50m",
            "persistentvolumeclaims \"big\" is forbidden: maximum storage usage per PersistentVolumeClaim is 5Gi, but \
             request is 6Gi",
        ]
    );
    assert_eq!(outcome.counters.pods_created, 1);
}

/// 2.11: a pod that a controller made is deleted by its name, and made again.
#[test]
fn a_pod_of_a_controller_is_deleted_by_its_name() {
    let set = "apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: db}\nspec:\n  replicas: 2\n  selector: {matchLabels: \
               {app: db}}\n  template:\n    metadata: {labels: {app: db}}\n    spec: {containers: [{name: c, image: 'i:1'}]}\n";
    let sections = "[[behavior]]\non_terminate = { after = \"5s\", exit_code = 0 }\n[[change]]\nat = \"60s\"\ndelete = \
                    \"Pod/db-1\"\n";
    let run = Scene::new(set).with(sections).run();
    run.expect("pod db-1 deleting", &[60.0]).expect("pod db-1 removed", &[65.0]);
    assert_eq!(run.times("pod db-1 created").len(), 2);
    assert_eq!(run.times("pod db-0 created").len(), 1);
}

/// 8.5: pods of a Job have its name and their index as labels, which Services select by.
#[test]
fn pods_of_jobs_are_found_by_the_labels_that_their_controller_adds() {
    let job = "apiVersion: batch/v1\nkind: Job\nmetadata: {name: train}\nspec:\n  completions: 3\n  parallelism: 3\n  \
               completionMode: Indexed\n  template: {metadata: {labels: {a: b}}, spec: {restartPolicy: Never, containers: \
               [{name: c, image: 'i:1'}]}}\n---\n";
    let service = |name: &str, selector: &str| {
        format!(
            "apiVersion: v1\nkind: Service\nmetadata: {{name: {name}}}\nspec: {{ports: [{{port: 80}}], selector: {{{selector}}}}}\n---\n"
        )
    };
    let yaml = [
        job,
        &service("all", "batch.kubernetes.io/job-name: train, a: b"),
        &service("old", "job-name: train"),
        &service("one", "batch.kubernetes.io/job-completion-index: '1'"),
    ];
    let run = Scene::new(&yaml.concat()).with("[[behavior]]\nrun = \"1h\"\n").run();
    let last = |service: &str| run.story(&format!("service {service} ")).pop();
    for (name, pods) in [("all", 3), ("old", 3), ("one", 1)] {
        assert_eq!(last(name), Some(format!("service {name} {pods}/{pods}")));
    }
}

/// 8.4: pods of a DaemonSet say how many templates it has had, also when an earlier one comes back.
#[test]
fn pods_of_daemon_sets_tell_the_generation_of_their_template() {
    let agent = "apiVersion: apps/v1\nkind: DaemonSet\nmetadata: {name: agent}\nspec:\n  selector: {matchLabels: {app: \
                 agent}}\n  template:\n    metadata: {labels: {app: agent}}\n    spec: {containers: [{name: c, image: \
                 'i:1'}]}\n---\n";
    let service = |number: u32| {
        format!(
            "apiVersion: v1\nkind: Service\nmetadata: {{name: of-{number}}}\nspec: {{ports: [{{port: 80}}], selector: \
             {{pod-template-generation: '{number}'}}}}\n---\n"
        )
    };
    let patch = |at: u32, image: &str| {
        format!(
            "[[change]]\nat = \"{at}s\"\npatch = \"DaemonSet/agent\"\nwith = \"{{spec: {{template: {{spec: {{containers: \
             [{{name: c, image: '{image}'}}]}}}}}}}}\"\n"
        )
    };
    let sections = POLITE.to_owned() + &patch(120, "i:2") + &patch(240, "i:1");
    let mut run = Scene::new(&[agent, &service(1), &service(2), &service(3)].concat()).with(&sections).start();
    for (number, end) in [(1, 119.0), (2, 239.0), (3, 400.0)] {
        run.until(end);
        let nodes = run.sim.cluster().nodes().len();
        for other in 1..=3 {
            let last = run.story(&format!("service of-{other} ")).pop();
            let expected = format!("service of-{other} {nodes}/{nodes}");
            assert_eq!(last.as_ref() == Some(&expected), other == number, "{last:?} at {end}");
        }
    }
}

const POLITE: &str = "[[behavior]]\non_terminate = { after = \"3s\", exit_code = 0 }\n";

fn shop(replicas: u32) -> String {
    let space = "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n---\n";
    space.to_owned() + &deployment("web", replicas, "").replace("{name: web}", "{name: web, namespace: shop}")
}

/// 8.12: five seconds after the request the pods of a namespace are deleted, and nobody makes new ones. It is looked at again
/// half their grace period and a second later, with nothing left but what made them.
#[test]
fn a_namespace_takes_all_that_is_in_it_along() {
    let yaml = shop(2) + &pod("bare", PODS).replace("{name: bare,", "{name: bare, namespace: shop,");
    let changes = "[[change]]\nat = \"60s\"\ndelete = \"Namespace/shop\"\n[[change]]\nat = \"62s\"\napply = \"late.yaml\"\n\
                   [[change]]\nat = \"100s\"\napply = \"late.yaml\"\n";
    let late = deployment("late", 1, "").replace("{name: late}", "{name: late, namespace: shop}");
    let mut run = Scene::new(&yaml).with(POLITE).with(changes).file("late.yaml", &late).start();
    run.until(120.0);
    run.expect("pod bare deleting", &[65.0]).expect("pod bare removed", &[68.0]);
    assert_eq!(run.times("pod web-").iter().filter(|at| **at > 65.0 && **at < 68.0).count(), 0);
    let created: Vec<String> = run.story("pod web-").into_iter().filter(|line| line.ends_with("created")).collect();
    assert_eq!(created.len(), 2, "nobody makes another");
    assert!(run.story("event ReplicaSet").iter().all(|line| !line.contains("FailedCreate")));
    // Grace 30 s: 65 + 30 / 2 + 1.
    run.expect("Deployment/web removed", &[81.0]).expect("Namespace/shop removed", &[81.0]);
    let (outcome, _) = run.outcome();
    let answers: Vec<(f64, &str)> =
        outcome.refused.iter().map(|(at, text)| (at.0 as f64 / 1e9, text.as_str())).collect();
    let ending = "deployments.apps \"late\" is forbidden: unable to create new content in namespace shop because it is being \
                  terminated";
    assert_eq!(answers.iter().map(|answer| answer.1).collect::<Vec<_>>(), [ending, "namespaces \"shop\" not found"]);
    assert!((answers[1].0 - answers[0].0 - 38.0).abs() < 1e-6);
}

/// 8.12: Services go with their namespace, and nobody is served from then on.
#[test]
fn services_go_with_their_namespace() {
    let service = "apiVersion: v1\nkind: Service\nmetadata: {name: web, namespace: shop}\nspec: {ports: [{port: 80}], \
                   selector: {app: web}}\n---\n";
    let listens = ", ports: [{containerPort: 80}]";
    let yaml = shop(2).replace("image: 'i:1'", &format!("image: 'i:1'{listens}")) + service;
    let changes =
        "[[change]]\nat = \"60s\"\ndelete = \"Namespace/shop\"\n[[traffic]]\nservice = \"shop/web\"\nrate = \"10/s\"\n";
    let mut run = Scene::new(&yaml).with(POLITE).with(changes).start();
    let id = run.sim.plan().services.ids().next().expect("a service");
    run.until(60.0);
    assert!(run.sim.cluster().has_service(id));
    assert_eq!(run.sim.endpoints().members(id).0.len(), 2);
    run.until(100.0);
    assert!(!run.sim.cluster().has_service(id));
    assert_eq!(run.sim.endpoints().members(id), (&[][..], &[][..]));
    run.expect("Namespace/shop removed", &[81.0]);
}

/// 8.12: a namespace waits for claims, which something protects, eight seconds at a time.
#[test]
fn a_namespace_waits_for_its_claims() {
    let claim = "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: data, namespace: shop}\nspec: {accessModes: \
                 [ReadWriteOnce], storageClassName: none, resources: {requests: {storage: 1Gi}}}\n---\n";
    let changes = "[[change]]\nat = \"60s\"\ndelete = \"Namespace/shop\"\n";
    let run = Scene::new(&(shop(0) + claim)).with(changes).run();
    run.expect("claim default/data", &[]).expect("claim shop/data removed", &[65.0]);
    run.expect("Namespace/shop removed", &[73.0]);
}

/// Objects come into a namespace that is applied late once it is there, and not before.
#[test]
fn a_namespace_can_come_late() {
    let changes = "[[change]]\nat = \"30s\"\napply = \"shop.yaml\"\n[[change]]\nat = \"30s\"\napply = \"web.yaml\"\n";
    let space = "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n";
    let web = deployment("web", 1, "").replace("{name: web}", "{name: web, namespace: shop}");
    let early = pod("early", PODS).replace("{name: early,", "{name: early, namespace: shop,");
    let scene = Scene::new(&early).with(changes).file("shop.yaml", space).file("web.yaml", &web);
    let run = scene.run();
    run.expect("Namespace/shop created", &[30.0]).expect("Deployment/web created", &[30.0]);
    assert_eq!(run.times("pod web-").first(), Some(&30.0));
    let (outcome, _) = run.outcome();
    let answers: Vec<&str> = outcome.refused.iter().map(|(_, text)| text.as_str()).collect();
    assert_eq!(answers, ["namespaces \"shop\" not found"]);
}

/// What is not there cannot be patched, and is not made.
#[test]
fn nothing_is_patched_that_is_gone() {
    let changes = "[[change]]\nat = \"30s\"\ndelete = \"Deployment/web\"\n[[change]]\nat = \"60s\"\npatch = \
                   \"Deployment/web\"\nwith = \"{spec: {replicas: 3}}\"\n";
    let mut run = Scene::new(&deployment("web", 1, "")).with(POLITE).with(changes).start();
    run.until(90.0);
    assert_eq!(run.sim.cluster().pods().live(), 0);
    let (outcome, _) = run.outcome();
    assert_eq!(outcome.counters.changes_refused, 1);
    assert_eq!(outcome.refused.last().map(|(_, answer)| &**answer), Some("deployments.apps \"web\" not found"));
}

/// A patch rolls a new template out and leaves what somebody scaled as it is; a second one goes on from the first.
#[test]
fn patches_change_what_they_name() {
    let changes = "[[change]]\nat = \"30s\"\nscale = \"Deployment/web\"\nreplicas = 3\n\
                   [[change]]\nat = \"60s\"\npatch = \"Deployment/web\"\nwith = \"{spec: {template: {spec: {containers: [{name: c, \
                   image: 'i:2'}]}}}}\"\n\
                   [[change]]\nat = \"120s\"\npatch = \"Deployment/web\"\nwith = '{\"metadata\": {\"labels\": {\"x\": \"y\"}}}'\n\
                   [[change]]\nat = \"180s\"\npatch = \"Deployment/web\"\nwith_file = \"p.yaml\"\ntype = \"merge\"\n\
                   [[change]]\nat = \"240s\"\ndelete = \"Deployment/web\"\n";
    let scene = Scene::new(&deployment("web", 1, ", env: [{name: A, value: b}]")).with(POLITE).with(changes);
    let mut run = scene.file("p.yaml", "spec:\n  replicas: 2\n").start();
    let images = |run: &Run| {
        let (pods, plan) = (run.sim.cluster().pods(), run.sim.plan());
        let image = |id| plan.images[plan.templates[id].containers[0].image].name;
        let mut all: Vec<String> =
            pods.iter().map(|pod| plan.strings.text(image(pods.template(pod.pod))).to_owned()).collect();
        all.sort();
        all
    };
    run.until(59.0);
    assert_eq!(images(&run), ["i:1"; 3]);
    run.until(119.0);
    assert_eq!(images(&run), ["i:2"; 3]);
    let sets = run.story("ReplicaSet/web-").iter().filter(|line| line.ends_with("created")).count();
    run.until(179.0);
    assert_eq!((images(&run), sets), (vec!["i:2".to_owned(); 3], 2));
    assert_eq!(run.story("ReplicaSet/web-").iter().filter(|line| line.ends_with("created")).count(), 2);
    run.until(239.0);
    assert_eq!(images(&run), ["i:2"; 2]);
    run.until(300.0);
    assert_eq!(images(&run), [""; 0]);
}

/// A patch goes out from what stands there, with the replicas that were scaled; and however numbers are spelled, what it does not
/// name is as it was: no pod is made anew.
#[test]
fn patches_do_not_roll_out_what_is_spelled_otherwise() {
    let changes = "[[change]]\nat = \"30s\"\nscale = \"Deployment/web\"\nreplicas = 3\n\
                   [[change]]\nat = \"60s\"\npatch = \"Deployment/web\"\nwith = \"{spec: {minReadySeconds: 5}}\"\n\
                   [[change]]\nat = \"90s\"\npatch = \"Deployment/web\"\nwith = \"{spec: {replicas: 4}}\"\n";
    let odd = ", resources: {requests: {cpu: 0.010, memory: 10Mi}}, volumeMounts: [{name: v, mountPath: /v}]";
    let web = deployment("web", 1, odd);
    let web = web.replace(
        "containers:",
        "volumes: [{name: v, configMap: {name: c, optional: true, defaultMode: 0644}}], containers:",
    );
    let mut run = Scene::new(&web).with(POLITE).with(changes).start();
    let minimum = |run: &Run| {
        let mut all = run.sim.cluster().objects().of_kind(ObjectKind::Deployment);
        all.find_map(|(_, row)| row.spec.deployment().map(|spec| (spec.replicas, spec.min_ready_seconds)))
    };
    run.until(59.0);
    assert_eq!((minimum(&run), run.sim.cluster().pods().live()), (Some((3, 0)), 3));
    run.until(89.0);
    assert_eq!((minimum(&run), run.sim.cluster().pods().live()), (Some((3, 5)), 3));
    run.until(150.0);
    assert_eq!((minimum(&run), run.sim.cluster().pods().live()), (Some((4, 5)), 4));
    assert_eq!(run.story("ReplicaSet/web-").iter().filter(|line| line.ends_with("created")).count(), 1);
    assert_eq!(run.outcome().0.counters.pods_created, 4);
}
