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
import java.util.LinkedHashMap;
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

/**
 * Finds out whether anything was lost, doubled or made up, from the outside: it reads topics and asks over HTTP, and has
 * its own idea, in a few lines, of what must have become of each record. It shares no code with what it checks.
 */
final class Checker {
    private static final int THREADS = 8;
    private static final String SHED = "over_capacity";
    private static final String DUPLICATE = "duplicate";
    private static final Duration STALL = Duration.ofMinutes(2);

    private final String bootstrapServers;
    private final String prefix;
    private final Server instance;

    Checker(String bootstrapServers, String prefix, Server instance) {
        this.bootstrapServers = bootstrapServers;
        this.prefix = prefix;
        this.instance = instance;
    }

    /**
     * A memory as it must be.
     *
     * @param isAcknowledged false when nothing says when it is
     */
    private record Memory(String content, Optional<String> embedding, boolean isAcknowledged) {}

    /** One record that a client wrote; a retry is a copy of the same number, or a record of its own without a session. */
    private record Copy(
            String space, Optional<String> session, long sequence, String id, String source, JsonNode value) {
        String number() {
            return session.map(name -> name + "#" + sequence).orElse(source);
        }
    }

    /** What was found, for the log. */
    record Verdict(long records, long accepted, long duplicates, long shed, long live) {}

    /** Waits until everything is acknowledged, then compares everything. */
    Verdict check() throws Exception {
        List<Copy> copies = new ArrayList<>();
        for (String lane : List.of("high", "normal", "low")) {
            copies.addAll(written(prefix + "-observations-" + lane));
        }
        awaitAcknowledged(lastSequences(copies));
        Map<String, String> rejected = rejected();
        List<Copy> accepted = accepted(copies, rejected);
        Map<String, Map<String, Memory>> memories = memories(accepted);
        long live = 0;
        for (Map.Entry<String, Map<String, Memory>> space : memories.entrySet()) {
            live += compare(space.getKey(), space.getValue());
        }
        long shed = rejected.values().stream().filter(SHED::equals).count();
        long changes = accepted.stream()
                .filter(copy -> !DUPLICATE.equals(rejected.get(copy.source())))
                .count();
        return new Verdict(copies.size(), changes, rejected.size() - shed, shed, live);
    }

    /** What clients wrote to a lane, in order; what came there again is not theirs. */
    private List<Copy> written(String topic) throws IOException {
        List<ConsumerRecord<byte[], byte[]>> records = read(topic);
        records.removeIf(record -> record.headers().lastHeader("engram-redelivered") != null);
        records.sort(Comparator.<ConsumerRecord<byte[], byte[]>>comparingInt(ConsumerRecord::partition)
                .thenComparing(ConsumerRecord::offset));
        String lane = topic.substring(topic.lastIndexOf('-') + 1);
        List<Copy> copies = new ArrayList<>();
        for (ConsumerRecord<byte[], byte[]> record : records) {
            JsonNode value = Server.MAPPER.readTree(record.value());
            String space = new String(record.key(), StandardCharsets.UTF_8);
            String place = lane + "-" + record.partition() + "-" + record.offset();
            copies.add(new Copy(
                    space,
                    value.has("session")
                            ? Optional.of(space + "/" + lane + "/"
                                    + value.path("session").asText())
                            : Optional.empty(),
                    value.path("sequence").asLong(),
                    value.path("id").asText(place),
                    source(topic, record.partition(), record.offset()),
                    value));
        }
        return copies;
    }

    private static Map<String, Long> lastSequences(List<Copy> copies) {
        Map<String, Long> last = new TreeMap<>();
        for (Copy copy : copies) {
            if (copy.session().isPresent()) {
                long before = last.getOrDefault(copy.session().get(), 0L);
                assertThat(copy.sequence()).as("the client leaves no gaps").isLessThanOrEqualTo(before + 1);
                last.put(copy.session().get(), Math.max(before, copy.sequence()));
            }
        }
        return last;
    }

    /**
     * The copy of each number that took effect, in the order of the lanes. It is the one that was not rejected; when all
     * were, the first that was shed, since that one comes again first. Without a session every record takes effect, for the
     * later one of an id wins, and a duplicate says what is there.
     */
    private static List<Copy> accepted(List<Copy> copies, Map<String, String> rejected) {
        Map<String, List<Copy>> byNumber = new LinkedHashMap<>();
        for (Copy copy : copies) {
            byNumber.computeIfAbsent(copy.number(), number -> new ArrayList<>()).add(copy);
        }
        Set<Copy> accepted = new HashSet<>();
        Set<String> sources = new HashSet<>();
        byNumber.forEach((number, same) -> {
            same.forEach(copy -> sources.add(copy.source()));
            if (same.get(0).session().isEmpty()) {
                accepted.add(same.get(0));
                return;
            }
            List<Copy> taken = same.stream()
                    .filter(copy -> !rejected.containsKey(copy.source()))
                    .toList();
            assertThat(taken).as("accepted once: " + number).hasSizeLessThanOrEqualTo(1);
            List<Copy> shed = same.stream()
                    .filter(copy -> SHED.equals(rejected.get(copy.source())))
                    .toList();
            if (shed.isEmpty()) {
                assertThat(taken).as("the first copy of " + number).isEqualTo(same.subList(0, 1));
            }
            accepted.add(taken.isEmpty() ? shed.get(0) : taken.get(0));
        });
        // Not containsAll(), which compares each with each: there may be a hundred thousand.
        assertThat(rejected.keySet().stream().filter(source -> !sources.contains(source)))
                .as("rejected although nobody wrote it")
                .isEmpty();
        return copies.stream().filter(accepted::contains).toList();
    }

    private static Map<String, Map<String, Memory>> memories(List<Copy> accepted) {
        Map<String, Map<String, Memory>> memories = new TreeMap<>();
        for (Copy copy : accepted) {
            JsonNode value = copy.value();
            boolean forget = value.path("op").asText("observe").equals("forget");
            Optional<String> embedding = forget
                    ? Optional.empty()
                    : Optional.of(value.path("embedding").asText());
            memories.computeIfAbsent(copy.space(), name -> new HashMap<>())
                    .put(
                            copy.id(),
                            new Memory(
                                    value.path("content").asText(),
                                    embedding,
                                    copy.session().isPresent()));
        }
        return memories;
    }

    private static String source(String topic, int partition, long offset) {
        return topic + "-" + partition + "@" + offset;
    }

    /** Why each rejected record was, by where it came from. */
    private Map<String, String> rejected() {
        Map<String, String> reasons = new HashMap<>();
        for (ConsumerRecord<byte[], byte[]> record : read(prefix + "-rejected")) {
            String reason = header(record, "engram-reason");
            assertThat(reason).isIn(DUPLICATE, SHED);
            String source = source(
                    header(record, "engram-source-topic"),
                    Integer.parseInt(header(record, "engram-source-partition")),
                    Long.parseLong(header(record, "engram-source-offset")));
            assertThat(reasons.put(source, reason))
                    .as("rejected once: " + source)
                    .isNull();
        }
        return reasons;
    }

    private static String header(ConsumerRecord<byte[], byte[]> record, String name) {
        return new String(record.headers().lastHeader(name).value(), StandardCharsets.UTF_8);
    }

    /** For as long as it goes on: how much was shed, and comes back, is not the same each time. */
    private void awaitAcknowledged(Map<String, Long> last) throws IOException, InterruptedException {
        Map<String, JsonNode> before = Map.of();
        long changed = System.nanoTime();
        while (true) {
            Map<String, JsonNode> progress = progress();
            Map<String, Long> acknowledged = new TreeMap<>();
            progress.forEach((session, said) -> {
                if (said.path("open_ranges").isEmpty()) {
                    acknowledged.put(session, said.path("acknowledged_sequence").asLong());
                }
            });
            if (acknowledged.equals(last)) {
                return;
            }
            if (!progress.equals(before)) {
                before = progress;
                changed = System.nanoTime();
            }
            if (System.nanoTime() - changed > STALL.toNanos()) {
                StringBuilder state = new StringBuilder("nothing is acknowledged any more, expected without holes ")
                        .append(last)
                        .append(", what the instance says of the sessions:");
                for (String session : last.keySet()) {
                    state.append('\n')
                            .append(session)
                            .append(' ')
                            .append(instance.get("/v1/sessions/" + session).body());
                }
                throw new AssertionError(state.toString());
            }
            Thread.sleep(500);
        }
    }

    /** The latest word on each session. */
    private Map<String, JsonNode> progress() throws IOException {
        Map<String, JsonNode> latest = new TreeMap<>();
        for (ConsumerRecord<byte[], byte[]> record : read(prefix + "-sessions")) {
            String key = new String(record.key(), StandardCharsets.UTF_8);
            if (record.value() == null) { // a purged session, or an instance that asks for the broker's time
                latest.remove(key);
            } else {
                latest.put(key, Server.MAPPER.readTree(record.value()));
            }
        }
        return latest;
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
                    if (memory.getValue().isAcknowledged()) {
                        compare(space, memory.getKey(), memory.getValue());
                    } else {
                        // Most are there at once: thousands of first looks must not wait for an interval each.
                        await().atMost(STALL)
                                .pollDelay(Duration.ZERO)
                                .untilAsserted(() -> compare(space, memory.getKey(), memory.getValue()));
                    }
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
        for (JsonNode found :
                instance.json("/v1/spaces?limit=1&prefix=" + space).path("spaces")) {
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
