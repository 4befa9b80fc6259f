package io.engram.app.capacity;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.stream.Collectors;

/** A plan as what it is deployed with: settings of the environment, and a patch for Kustomize. */
final class PlanFiles {
    private static final long MIB = 1L << 20;
    private static final long GIB = 1L << 30;

    private PlanFiles() {}

    /** Environment variables of every instance, as {@code k8s/base/engram.env} and Compose take them. */
    static Map<String, String> environment(CapacityDemand demand, CapacityPlan plan) {
        Map<String, String> environment = new LinkedHashMap<>();
        String heap = plan.heapBytesPerInstance() / MIB + "m";
        environment.put("ENGRAM_PARTITIONS", Long.toString(plan.partitions()));
        environment.put("ENGRAM_STANDBY_REPLICAS", Integer.toString(demand.standbys()));
        environment.put("ENGRAM_INDEX_WORKERS", Integer.toString(demand.coresPerInstance()));
        environment.put("ENGRAM_STREAM_THREADS", Integer.toString(demand.coresPerInstance()));
        environment.put("ENGRAM_JAVA_OPTS", "-Xms" + heap + " -Xmx" + heap);
        environment.put("QUEUE_CAPACITY", Long.toString(plan.queueCapacity()));
        return environment;
    }

    /** One assignment a line. */
    static String envFile(CapacityDemand demand, CapacityPlan plan) {
        return environment(demand, plan).entrySet().stream()
                .map(entry -> entry.getKey() + "=" + entry.getValue() + "\n")
                .collect(Collectors.joining());
    }

    /**
     * A kustomization on top of a base: resources, settings, and the autoscaler's bounds.
     *
     * @param base where {@code k8s/base} is, as seen from the file
     */
    static String kustomization(CapacityDemand demand, CapacityPlan plan, String base) {
        String literals = environment(demand, plan).entrySet().stream()
                .map(entry -> "      - " + entry.getKey() + "=" + entry.getValue() + "\n")
                .collect(Collectors.joining());
        return """
                # Written by 'engram capacity': %,.0f observations/s, %,d memories of %d dimensions.
                apiVersion: kustomize.config.k8s.io/v1beta1
                kind: Kustomization
                namespace: engram
                resources:
                  - %s
                configMapGenerator:
                  - name: engram-env
                    behavior: merge
                    literals:
                %spatches:
                  - target:
                      kind: Deployment
                      name: engram-workers
                    patch: |-
                      - op: replace
                        path: /spec/template/spec/containers/0/resources
                        value:
                          requests: {cpu: "%d", memory: %dMi}
                          limits: {memory: %dMi}
                      - op: replace
                        path: /spec/template/spec/volumes/0/emptyDir/sizeLimit
                        value: %dGi
                  - target:
                      kind: HorizontalPodAutoscaler
                    patch: |-
                      - op: replace
                        path: /spec/minReplicas
                        value: %d
                      - op: replace
                        path: /spec/maxReplicas
                        value: %d
                      - op: replace
                        path: /spec/metrics/1/pods/target/averageValue
                        value: "%d"
                """.formatted(
                        demand.observationsPerSecond(),
                        demand.memories(),
                        demand.dimension(),
                        base,
                        literals,
                        demand.coresPerInstance(),
                        plan.memoryBytesPerInstance() / MIB,
                        plan.memoryBytesPerInstance() / MIB,
                        Math.max(1, (plan.diskBytesPerInstance() + GIB - 1) / GIB),
                        plan.instances(),
                        plan.partitions(),
                        // Half of an instance's share of the capacity.
                        plan.queueCapacity() / plan.instances() / 2);
    }
}
