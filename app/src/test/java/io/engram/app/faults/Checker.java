package io.engram.app.faults;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.awaitility.core.ConditionTimeoutException;

/**
 * Finds out whether anything was lost, doubled or made up, from the outside: it reads topics and asks over HTTP, and has
 * its own idea, in a few lines, of what must have become of each record. It shares no code with what it checks.
 */
final class Checker {
    private static final int THREADS = 8;

    private final String bootstrapServers;
    private final String prefix;
    private final Server instance;

    Checker(String bootstrapServers, String prefix, Server instance) {
        this.bootstrapServers = bootstrapServers;
        this.prefix = prefix;
        this.instance = instance;
    }

    private record Memory(String content, Optional<String> embedding) {}

    /** What must be true at the end. */
    private static final class Expected {
        final Map<String, Map<String, Memory>> memories = new TreeMap<>();
        final Set<String> duplicates = new HashSet<>();
        final Map<String, Long> lastSequence = new TreeMap<>();
        long accepted;
    }

    /** What was found, for the log. */
    record Verdict(long records, long accepted, long duplicates, long live) {}

    /** Waits until everything is acknowledged, then compares everything. */
    Verdict check() throws Exception {
        List<ConsumerRecord<byte[], byte[]>> records = new ArrayList<>();
        for (String lane : List.of("high", "normal", "low")) {
            records.addAll(read(prefix + "-observations-" + lane));
        }
        Expected expected = expected(records);
        awaitAcknowledged(expected);
        assertThat(rejected())
                .as("exactly the deliberate duplicates are rejected")
                .isEqualTo(expected.duplicates);
        long live = 0;
        for (Map.Entry<String, Map<String, Memory>> space : expected.memories.entrySet()) {
            live += compare(space.getKey(), space.getValue());
        }
        return new Verdict(records.size(), expected.accepted, expected.duplicates.size(), live);
    }

    private static Expected expected(List<ConsumerRecord<byte[], byte[]>> records) throws IOException {
        Expected expected = new Expected();
        records.sort(Comparator.<ConsumerRecord<byte[], byte[]>, String>comparing(ConsumerRecord::topic)
                .thenComparing(ConsumerRecord::partition)
                .thenComparing(ConsumerRecord::offset));
        for (ConsumerRecord<byte[], byte[]> record : records) {
            JsonNode value = Server.MAPPER.readTree(record.value());
            String space = new String(record.key(), StandardCharsets.UTF_8);
            String lane = record.topic().substring(record.topic().lastIndexOf('-') + 1);
            String session = space + "/" + lane + "/" + value.path("session").asText();
            long sequence = value.path("sequence").asLong();
            long last = expected.lastSequence.getOrDefault(session, 0L);
            if (sequence <= last) {
                expected.duplicates.add(source(record.topic(), record.partition(), record.offset()));
                continue;
            }
            assertThat(sequence).as("the client leaves no gaps").isEqualTo(last + 1);
            expected.lastSequence.put(session, sequence);
            expected.accepted++;
            boolean forget = value.path("op").asText("observe").equals("forget");
            expected.memories
                    .computeIfAbsent(space, name -> new HashMap<>())
                    .put(
                            value.path("id").asText(),
                            new Memory(
                                    value.path("content").asText(),
                                    forget
                                            ? Optional.empty()
                                            : Optional.of(
                                                    value.path("embedding").asText())));
        }
        return expected;
    }

    private static String source(String topic, int partition, long offset) {
        return topic + "-" + partition + "@" + offset;
    }

    private Set<String> rejected() {
        Set<String> sources = new HashSet<>();
        for (ConsumerRecord<byte[], byte[]> record : read(prefix + "-rejected")) {
            assertThat(header(record, "engram-reason")).isEqualTo("duplicate");
            String source = source(
                    header(record, "engram-source-topic"),
                    Integer.parseInt(header(record, "engram-source-partition")),
                    Long.parseLong(header(record, "engram-source-offset")));
            assertThat(sources.add(source)).as("rejected once: " + source).isTrue();
        }
        return sources;
    }

    private static String header(ConsumerRecord<byte[], byte[]> record, String name) {
        return new String(record.headers().lastHeader(name).value(), StandardCharsets.UTF_8);
    }

    private void awaitAcknowledged(Expected expected) throws IOException, InterruptedException {
        try {
            awaitProgress(expected);
        } catch (ConditionTimeoutException e) {
            StringBuilder state = new StringBuilder("what the instance says of the sessions:");
            for (String session : expected.lastSequence.keySet()) {
                state.append('\n')
                        .append(session)
                        .append(' ')
                        .append(instance.get("/v1/sessions/" + session).body());
            }
            throw new AssertionError(state.toString(), e);
        }
    }

    private void awaitProgress(Expected expected) {
        await().atMost(Duration.ofMinutes(3))
                .pollInterval(Duration.ofMillis(500))
                .untilAsserted(() -> {
                    Map<String, Long> acknowledged = new TreeMap<>();
                    for (ConsumerRecord<byte[], byte[]> record : read(prefix + "-sessions")) {
                        JsonNode progress = Server.MAPPER.readTree(record.value());
                        String key = new String(record.key(), StandardCharsets.UTF_8);
                        acknowledged.put(
                                key, progress.path("acknowledged_sequence").asLong());
                        assertThat(progress.path("open_ranges")).as(key).isEmpty();
                    }
                    assertThat(acknowledged).as("acknowledged without holes").isEqualTo(expected.lastSequence);
                });
    }

    private long compare(String space, Map<String, Memory> memories) throws Exception {
        long live = memories.values().stream()
                .filter(memory -> memory.embedding().isPresent())
                .count();
        await().atMost(Duration.ofMinutes(2))
                .pollInterval(Duration.ofMillis(200))
                .untilAsserted(() ->
                        assertThat(count(space)).as("memories of " + space).isEqualTo(live));
        ExecutorService executor = Executors.newFixedThreadPool(THREADS);
        try {
            List<Future<?>> checks = new ArrayList<>();
            for (Map.Entry<String, Memory> memory : memories.entrySet()) {
                checks.add(executor.submit(() -> {
                    compare(space, memory.getKey(), memory.getValue());
                    return null;
                }));
            }
            for (Future<?> check : checks) {
                check.get();
            }
        } finally {
            executor.shutdownNow();
        }
        int step = Math.max(1, memories.size() / 200);
        int at = 0;
        for (Map.Entry<String, Memory> memory : memories.entrySet()) {
            if (at++ % step == 0 && memory.getValue().embedding().isPresent()) {
                recall(space, memory.getKey(), memory.getValue());
            }
        }
        return live;
    }

    private long count(String space) throws IOException, InterruptedException {
        for (JsonNode found : instance.json("/v1/spaces").path("spaces")) {
            if (found.path("space").asText().equals(space)) {
                return found.path("count").asLong();
            }
        }
        return 0;
    }

    private void compare(String space, String id, Memory memory) throws IOException, InterruptedException {
        HttpResponse<String> answer = instance.get("/v1/spaces/" + space + "/memories/" + id);
        if (memory.embedding().isEmpty()) {
            assertThat(answer.statusCode()).as("forgotten: " + id).isEqualTo(404);
            return;
        }
        assertThat(answer.statusCode()).as(id + ": " + answer.body()).isEqualTo(200);
        assertThat(Server.MAPPER.readTree(answer.body()).path("content").asText())
                .as(id)
                .isEqualTo(memory.content());
    }

    private void recall(String space, String id, Memory memory) throws IOException, InterruptedException {
        String embedding = memory.embedding().orElseThrow();
        assertThat(Base64.getDecoder().decode(embedding)).hasSize(Workload.DIMENSION * Float.BYTES);
        HttpResponse<String> answer = instance.post(
                "/v1/spaces/" + space + "/recall", "{\"vector\":\"" + embedding + "\",\"k\":10,\"accuracy\":200}");
        assertThat(answer.statusCode()).as(answer.body()).isEqualTo(200);
        List<String> ids = new ArrayList<>();
        Server.MAPPER
                .readTree(answer.body())
                .path("results")
                .forEach(result -> ids.add(result.path("id").asText()));
        assertThat(ids).as("no id twice").doesNotHaveDuplicates();
        assertThat(ids).as("found by its own embedding").startsWith(id);
    }

    /** Everything committed in a topic. */
    private List<ConsumerRecord<byte[], byte[]>> read(String topic) {
        List<ConsumerRecord<byte[], byte[]>> records = new ArrayList<>();
        try (KafkaConsumer<byte[], byte[]> consumer = new KafkaConsumer<>(
                Map.of("bootstrap.servers", bootstrapServers, "isolation.level", "read_committed"),
                new ByteArrayDeserializer(),
                new ByteArrayDeserializer())) {
            List<TopicPartition> partitions = new ArrayList<>();
            consumer.partitionsFor(topic).forEach(info -> partitions.add(new TopicPartition(topic, info.partition())));
            consumer.assign(partitions);
            consumer.seekToBeginning(partitions);
            Map<TopicPartition, Long> ends = new HashMap<>(consumer.endOffsets(partitions));
            while (!ends.isEmpty()) {
                consumer.poll(Duration.ofMillis(100)).forEach(records::add);
                ends.entrySet().removeIf(end -> consumer.position(end.getKey()) >= end.getValue());
            }
        }
        return records;
    }
}
