package io.engram.app.operations;

import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.databind.JsonNode;
import java.util.List;
import java.util.Map;

/**
 * The fields that we use of resources that operators define. Reading a resource into these fails on any other field.
 * Sources: the Prometheus operator's API reference, KEDA's specification of scaled objects, Strimzi's of topics.
 */
final class CustomResources {
    private CustomResources() {}

    record Metadata(String name, String namespace, Map<String, String> labels) {}

    record PodMonitor(String apiVersion, String kind, Metadata metadata, PodMonitorSpec spec) {}

    record PodMonitorSpec(Selector selector, List<Endpoint> podMetricsEndpoints) {}

    record Selector(Map<String, String> matchLabels) {}

    record Endpoint(String port, String path, String interval, List<Relabeling> relabelings) {}

    record Relabeling(String targetLabel, String replacement, List<String> sourceLabels) {}

    record PrometheusRule(String apiVersion, String kind, Metadata metadata, RuleSpec spec) {}

    record RuleSpec(List<RuleGroup> groups) {}

    record RuleGroup(String name, List<Rule> rules) {}

    record Rule(
            String record,
            String alert,
            String expr,

            @JsonProperty("for") String hold,

            @JsonProperty("keep_firing_for") String keep,

            Map<String, String> labels,
            Map<String, String> annotations) {}

    record ScaledObject(String apiVersion, String kind, Metadata metadata, ScaledObjectSpec spec) {}

    record ScaledObjectSpec(
            ScaleTarget scaleTargetRef,
            int minReplicaCount,
            int maxReplicaCount,
            int pollingInterval,
            int cooldownPeriod,
            Fallback fallback,
            Advanced advanced,
            List<Trigger> triggers) {}

    record ScaleTarget(String apiVersion, String kind, String name) {}

    record Fallback(int failureThreshold, int replicas) {}

    record Advanced(HpaConfig horizontalPodAutoscalerConfig) {}

    record HpaConfig(JsonNode behavior) {}

    record Trigger(String type, String metricType, Map<String, String> metadata) {}

    record KafkaTopic(String apiVersion, String kind, Metadata metadata, TopicSpec spec) {}

    record TopicSpec(int partitions, int replicas, Map<String, String> config) {}
}
