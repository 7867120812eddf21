//! The kinds of mistakes that a manifest can hold. A code keeps its meaning for ever; gaps are left for later ones.

use crate::diag::Code;

macro_rules! codes {
    ($($(#[doc = $doc:literal])* $name:ident = $id:literal, $title:literal;)+) => {
        $(
            $(#[doc = $doc])*
            pub const $name: Code = Code { id: $id, title: $title };
        )+
        /// Every code of this room.
        pub const ALL: &[Code] = &[$($name),+];
    };
}

codes! {
    /// The text is not YAML (or JSON).
    SYNTAX = "PS1001", "not valid YAML";
    /// A tab indents a line.
    TAB = "PS1002", "tab in the indentation";
    /// A template that nobody rendered.
    TEMPLATE = "PS1003", "template instead of a manifest";
    /// A document that is no object.
    NOT_AN_OBJECT = "PS1004", "not a Kubernetes object";
    /// `apiVersion` is missing.
    NO_API_VERSION = "PS1005", "apiVersion is missing";
    /// `kind` is missing.
    NO_KIND = "PS1006", "kind is missing";
    /// A `---` cuts one object in two.
    SPLIT = "PS1007", "object split by a stray ---";
    /// No such kind.
    UNKNOWN_KIND = "PS1008", "unknown kind";
    /// The kind is not of this API version.
    WRONG_API_VERSION = "PS1009", "apiVersion does not fit the kind";
    /// The kind is known but not simulated.
    NOT_MODELLED = "PS1010", "kind is not modelled yet";
    /// A key twice in one mapping.
    DUPLICATE_KEY = "PS1011", "key written twice";
    /// Not a field at all.
    UNKNOWN_FIELD = "PS1012", "unknown field";
    /// A field, but not here.
    MISPLACED_FIELD = "PS1013", "field in the wrong place";
    /// The value has the wrong type.
    WRONG_TYPE = "PS1014", "value of the wrong type";
    /// Text that YAML 1.1 takes for a number or a boolean.
    YAML_SURPRISE = "PS1015", "text that YAML takes for something else";
    /// Aliases of aliases, or endless nesting.
    TOO_LARGE = "PS1016", "document too large or too deep";
    /// A file without any object.
    EMPTY_FILE = "PS1017", "no objects in the file";
    /// The object has no name.
    NO_NAME = "PS1020", "metadata.name is missing";
    /// The name has characters that names cannot have.
    BAD_NAME = "PS1021", "invalid name";
    /// A label key or value that cannot be one.
    BAD_LABEL = "PS1022", "invalid label";
    /// The object is there twice.
    DUPLICATE_OBJECT = "PS1023", "object defined twice";
    /// A pod without containers.
    NO_CONTAINERS = "PS1030", "no containers";
    /// Two containers of one name.
    DUPLICATE_CONTAINER = "PS1031", "container name used twice";
    /// A container without an image.
    NO_IMAGE = "PS1032", "image is missing";
    /// An image reference that cannot be one.
    BAD_IMAGE = "PS1033", "invalid image reference";
    /// A word that is none of the allowed ones.
    UNSUPPORTED = "PS1034", "unsupported value";
    /// A required field of something is missing.
    REQUIRED = "PS1035", "required field is missing";
    /// A number out of its range.
    OUT_OF_RANGE = "PS1036", "number out of range";
    /// A field that may not be set here.
    FORBIDDEN = "PS1037", "field may not be set here";
    /// Not a quantity.
    BAD_QUANTITY = "PS1040", "invalid quantity";
    /// A quantity below zero.
    NEGATIVE_QUANTITY = "PS1041", "negative quantity";
    /// More requested than allowed.
    REQUEST_ABOVE_LIMIT = "PS1042", "request exceeds limit";
    /// No such resource.
    UNKNOWN_RESOURCE = "PS1043", "unknown resource";
    /// An extended resource in fractions or with unequal request and limit.
    EXTENDED_RESOURCE = "PS1044", "invalid use of an extended resource";
    /// A port number outside 1 to 65535.
    BAD_PORT = "PS1045", "port out of range";
    /// A port name that cannot be one.
    BAD_PORT_NAME = "PS1046", "invalid port name";
    /// A port name twice in one container.
    DUPLICATE_PORT = "PS1047", "port name used twice";
    /// One port of the node for two.
    HOST_PORT_CONFLICT = "PS1048", "host port used twice";
    /// With hostNetwork, a host port is the container port.
    HOST_NETWORK_PORT = "PS1049", "host port differs under hostNetwork";
    /// A mount of a volume that is not there.
    UNKNOWN_VOLUME = "PS1050", "volumeMount names no volume";
    /// Two volumes of one name.
    DUPLICATE_VOLUME = "PS1051", "volume name used twice";
    /// A volume with two contents.
    TWO_SOURCES = "PS1052", "volume with two sources";
    /// A volume without content.
    NO_SOURCE = "PS1053", "volume without a source";
    /// A mount path that is not absolute or holds `:`.
    BAD_MOUNT_PATH = "PS1054", "invalid mount path";
    /// Two mounts on one path.
    DUPLICATE_MOUNT = "PS1055", "mount path used twice";
    /// A path that leaves the volume.
    BAD_SUB_PATH = "PS1056", "invalid path inside a volume";
    /// A probe that asks nothing or two things.
    BAD_PROBE = "PS1060", "probe without exactly one action";
    /// A probe of a port name that is not declared.
    UNKNOWN_PROBE_PORT = "PS1061", "probe port name is not declared";
    /// Probes and hooks are for containers that stay.
    PROBE_ON_INIT = "PS1062", "probe or hook on an init container";
    /// The name of an environment variable is missing or cannot be one.
    BAD_ENV_NAME = "PS1070", "invalid environment variable name";
    /// A value and a source, or two sources.
    BAD_ENV_SOURCE = "PS1071", "environment variable with several sources";
    /// A toleration that contradicts itself.
    BAD_TOLERATION = "PS1080", "invalid toleration";
    /// No such priority class.
    UNKNOWN_PRIORITY_CLASS = "PS1081", "unknown priority class";
    /// Priority number and class disagree.
    PRIORITY_CONFLICT = "PS1082", "priority differs from its class";
    /// A taint that cannot be one.
    BAD_TAINT = "PS1083", "invalid taint";
    /// A node that offers nothing.
    NO_CAPACITY = "PS1084", "node without resources";
    /// A node affinity that cannot be one.
    BAD_NODE_AFFINITY = "PS1085", "invalid node affinity";
    /// A label selector that cannot be one.
    BAD_SELECTOR = "PS1086", "invalid label selector";
    /// A term of pod affinity that cannot be one.
    BAD_POD_AFFINITY = "PS1087", "invalid pod affinity";
    /// A topology spread constraint that cannot be one.
    BAD_SPREAD = "PS1088", "invalid topology spread constraint";
    /// A Service without ports.
    NO_PORTS = "PS1090", "service without ports";
    /// A Service port twice.
    DUPLICATE_SERVICE_PORT = "PS1091", "service port defined twice";
    /// A node port that cannot be had.
    BAD_NODE_PORT = "PS1092", "invalid node port";
    /// An address that is none.
    BAD_ADDRESS = "PS1093", "invalid address";
    /// `loadBalancerIP` is there but empty.
    EMPTY_LOAD_BALANCER_IP = "PS1094", "empty loadBalancerIP";
    /// The target port's name is in no selected pod.
    UNKNOWN_TARGET_PORT = "PS1095", "target port name that no selected pod has";
    /// The selector selects nothing.
    SELECTS_NOTHING = "PS1096", "selector that matches no pod";
    /// A value of a ConfigMap is empty.
    EMPTY_CONFIG_VALUE = "PS1100", "empty value in a ConfigMap";
    /// A key that cannot be one.
    BAD_CONFIG_KEY = "PS1101", "invalid key";
    /// Secret data that is not base64.
    BAD_BASE64 = "PS1102", "data is not base64";
    /// More than 1 MiB.
    CONFIG_TOO_LARGE = "PS1103", "more than 1 MiB of data";
    /// A ConfigMap or Secret that none of the files has.
    MISSING_CONFIG = "PS1104", "reference to a missing ConfigMap or Secret";
    /// A key that the ConfigMap or Secret does not have.
    MISSING_CONFIG_KEY = "PS1105", "reference to a missing key";
    /// Numbers of a PodDisruptionBudget.
    BAD_BUDGET = "PS1106", "invalid disruption budget";
    /// Access modes that are missing or exclude each other.
    BAD_ACCESS_MODES = "PS1110", "invalid access modes";
    /// A claim or a volume that does not say how large it is.
    NO_SIZE = "PS1111", "claim or volume without a size";
    /// A local volume on no node.
    LOCAL_WITHOUT_NODE = "PS1112", "local volume without node affinity";
    /// A claim that none of the files has.
    MISSING_CLAIM = "PS1113", "reference to a missing claim";
    /// A workload that would not find its own pods.
    SELECTOR_MISMATCH = "PS1114", "selector does not match the template";
    /// Numbers of an update strategy that cannot work.
    BAD_STRATEGY = "PS1115", "invalid update strategy";
    /// Fields of a Job that exclude each other.
    BAD_JOB = "PS1116", "invalid Job";
    /// A policy of a Job that cannot be one.
    BAD_JOB_POLICY = "PS1117", "invalid policy of a Job";
    /// A schedule or time zone that cannot be one.
    BAD_SCHEDULE = "PS1118", "invalid schedule";
    /// Metrics or behavior of a HorizontalPodAutoscaler that cannot work.
    BAD_AUTOSCALER = "PS1119", "invalid HorizontalPodAutoscaler";
    /// Limits that contradict each other.
    BAD_LIMIT_RANGE = "PS1120", "invalid LimitRange";
    /// A quota that cannot be one.
    BAD_QUOTA = "PS1121", "invalid ResourceQuota";
    /// An API version that is served no more.
    OLD_API_VERSION = "PS1122", "API version is served no more";
    /// A custom resource from which an operator makes pods.
    HIDDEN_PODS = "PS1123", "custom resource that stands for pods";
    /// A file of kustomize.
    KUSTOMIZATION = "PS1124", "kustomization is not a manifest";
    /// A namespace that none of the files has.
    MISSING_NAMESPACE = "PS1125", "reference to a missing namespace";
    /// No such plugin of the scheduler.
    UNKNOWN_PLUGIN = "PS1140", "unknown scheduler plugin";
    /// Plugins of a profile that cannot work so.
    BAD_PLUGIN_SET = "PS1141", "plugins that cannot work so";
    /// Arguments that a plugin refuses.
    BAD_PLUGIN_ARGS = "PS1142", "invalid plugin arguments";
    /// Two profiles of one scheduler name.
    DUPLICATE_PROFILE = "PS1143", "two profiles of one name";
    /// A setting with an effect that is not simulated.
    NOT_MODELLED_SETTING = "PS1144", "setting is not modelled";
    /// A scheduling gate that cannot be one.
    BAD_SCHEDULING_GATE = "PS1145", "invalid scheduling gate";
}

/// Warnings that are errors to whoever wants manifests to be read strictly: fields that do not exist.
pub const STRICT: &[Code] = &[UNKNOWN_FIELD, MISPLACED_FIELD];

#[cfg(test)]
mod tests {
    use super::ALL;

    #[test]
    fn codes_are_distinct_and_in_order() {
        assert!(ALL.windows(2).all(|pair| pair[0].id < pair[1].id));
        assert!(ALL.iter().all(|code| code.id.len() == 6 && code.id.starts_with("PS1")));
        assert!(ALL.len() >= 32);
    }
}
