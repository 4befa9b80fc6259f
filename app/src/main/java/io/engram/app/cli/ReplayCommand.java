package io.engram.app.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.engram.app.cli.ExitCodes.UnreachableException;
import io.engram.app.config.EngramConfig;
import io.engram.app.redelivery.Redelivery;
import io.engram.app.redelivery.RejectedRecords;
import io.engram.schemas.Lane;
import io.engram.schemas.RejectionReason;
import java.time.Duration;
import java.time.Instant;
import java.time.format.DateTimeParseException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Collectors;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.PartitionInfo;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.TimeoutException;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Writes rejected records back to their lanes. */
@Command(
        name = "replay",
        description = "Write rejected records back to their lanes, as they were.",
        mixinStandardHelpOptions = true,
        footer = {
            "",
            "Nothing is ever doubled: shed records (over_capacity) and those of internal errors that came back before",
            "are passed over, and have no effect on what is newer. Others are checked like new records, and count",
            "from now; one without session and id is another memory each time. What is still wrong is rejected again,",
            "what was too large to be kept whole is passed over. Shed records come back by themselves while",
            "redelivery.enabled is true."
        })
public final class ReplayCommand implements Callable<Integer> {
    private static final int MAX_IN_FLIGHT = 500;

    @Spec
    private CommandSpec spec;

    @Mixin
    private ConfigOptions options;

    @Option(
            names = "--reason",
            paramLabel = "REASON",
            split = ",",
            description = "Only records of these reasons; default over_capacity, invalid_sequence and"
                    + " internal_error: those that may be accepted now.")
    private List<String> reasons = new ArrayList<>();

    @Option(names = "--space", paramLabel = "SPACE", split = ",", description = "Only records of these spaces.")
    private List<String> spaces = new ArrayList<>();

    @Option(
            names = "--since",
            paramLabel = "TIME",
            description = "Only records rejected at or after, as 2026-01-31T12:00:00Z.")
    private Optional<String> since = Optional.empty();

    @Option(names = "--until", paramLabel = "TIME", description = "Only records rejected before.")
    private Optional<String> until = Optional.empty();

    @Option(names = "--max-per-second", description = "Default ${DEFAULT-VALUE}.", defaultValue = "1000")
    private int maxPerSecond;

    @Option(names = "--dry-run", description = "Only count.")
    private boolean dryRun;

    @Option(names = "--json", description = "Print the summary as JSON.")
    private boolean json;

    @Override
    public Integer call() throws InterruptedException, ExecutionException {
        if (maxPerSecond < 1) {
            throw new ParameterException(spec.commandLine(), "--max-per-second must be 1 or more, got " + maxPerSecond);
        }
        reasons = items(reasons);
        spaces = items(spaces);
        Set<RejectionReason> wanted = wantedReasons();
        long from = since.map(text -> time("--since", text)).orElse(Long.MIN_VALUE);
        long to = until.map(text -> time("--until", text)).orElse(Long.MAX_VALUE);
        EngramConfig config = options.load(List.of());
        RejectedRecords records = new RejectedRecords(config.topics(), config.partitions());
        Map<String, Long> counts = new TreeMap<>();
        long read = 0;
        long cut = 0;
        long dueNanos = System.nanoTime();
        // A record that was rejected several times goes back once.
        Set<String> sources = new HashSet<>();
        try (Consumer<byte[], byte[]> consumer = new KafkaConsumer<>(
                        config.plainConsumer(), new ByteArrayDeserializer(), new ByteArrayDeserializer());
                Producer<byte[], byte[]> producer = Redelivery.producer(config)) {
            List<TopicPartition> partitions = partitions(consumer, config);
            consumer.assign(partitions);
            consumer.seekToBeginning(partitions);
            // What is rejected from now on is not for this run: a replay must end.
            Map<TopicPartition, Long> ends = consumer.endOffsets(partitions);
            long total = 0;
            for (TopicPartition partition : partitions) {
                total += Math.max(0, ends.get(partition) - consumer.position(partition));
            }
            ProgressBar progress =
                    new ProgressBar(System.err, !json && ProgressBar.onTerminal(), "rejected records", total);
            ArrayDeque<Future<RecordMetadata>> inFlight = new ArrayDeque<>();
            while (partitions.stream().anyMatch(partition -> consumer.position(partition) < ends.get(partition))) {
                for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofMillis(200))) {
                    if (record.offset() >= ends.get(new TopicPartition(record.topic(), record.partition()))) {
                        continue;
                    }
                    progress.update(++read);
                    Optional<RejectionReason> reason = records.reason(record);
                    Optional<Lane> lane = records.lane(record);
                    long at = records.rejectedAtMs(record);
                    boolean chosen = reason.filter(wanted::contains).isPresent()
                            && lane.isPresent()
                            && (spaces.isEmpty()
                                    || records.space(record)
                                            .filter(spaces::contains)
                                            .isPresent())
                            && at >= from
                            && at < to;
                    if (!chosen || !sources.add(records.source(record))) {
                        continue;
                    }
                    if (records.isCut(record)) {
                        cut++;
                        continue;
                    }
                    counts.merge(reason.get().label(), 1L, Long::sum);
                    if (!dryRun) {
                        inFlight.add(producer.send(records.again(record, lane.get())));
                        if (inFlight.size() >= MAX_IN_FLIGHT) {
                            inFlight.poll().get();
                        }
                        dueNanos = Math.max(dueNanos, System.nanoTime()) + TimeUnit.SECONDS.toNanos(1) / maxPerSecond;
                        LockSupport.parkNanos(dueNanos - System.nanoTime());
                    }
                }
            }
            for (Future<RecordMetadata> sent : inFlight) {
                sent.get();
            }
            progress.finish(read);
        } catch (TimeoutException e) {
            throw new UnreachableException(
                    "Kafka at " + config.bootstrapServers() + " does not answer: " + e.getMessage());
        }
        report(read, cut, counts);
        return ExitCodes.OK;
    }

    /** Blanks around an item, and items without anything in them, mean nothing. */
    private static List<String> items(List<String> written) {
        return written.stream()
                .map(String::trim)
                .filter(item -> !item.isEmpty())
                .toList();
    }

    private static List<TopicPartition> partitions(Consumer<byte[], byte[]> consumer, EngramConfig config) {
        String topic = config.topics().rejected();
        return consumer.partitionsFor(topic).stream()
                .map(PartitionInfo::partition)
                .sorted(Comparator.naturalOrder())
                .map(partition -> new TopicPartition(topic, partition))
                .toList();
    }

    private Set<RejectionReason> wantedReasons() {
        if (reasons.isEmpty()) {
            return Set.of(
                    RejectionReason.OVER_CAPACITY, RejectionReason.INVALID_SEQUENCE, RejectionReason.INTERNAL_ERROR);
        }
        return reasons.stream()
                .map(label -> RejectionReason.ofLabel(label)
                        .orElseThrow(() -> new ParameterException(
                                spec.commandLine(),
                                "--reason must be one of "
                                        + RejectionReason.ALL.stream()
                                                .map(RejectionReason::label)
                                                .toList()
                                        + ", got '" + label + "'")))
                .collect(Collectors.toSet());
    }

    private long time(String option, String text) {
        try {
            return Instant.parse(text).toEpochMilli();
        } catch (DateTimeParseException e) {
            throw new ParameterException(
                    spec.commandLine(), option + " must be a time such as 2026-01-31T12:00:00Z, got '" + text + "'");
        }
    }

    private void report(long read, long cut, Map<String, Long> counts) {
        long chosen = counts.values().stream().mapToLong(Long::longValue).sum();
        if (json) {
            ObjectNode summary = new ObjectMapper().createObjectNode();
            summary.put("read", read)
                    .put("chosen", chosen)
                    .put("replayed", dryRun ? 0 : chosen)
                    .put("cut", cut);
            counts.forEach(summary.putObject("by_reason")::put);
            spec.commandLine().getOut().println(summary);
        } else {
            counts.forEach(
                    (reason, count) -> spec.commandLine().getOut().printf(Locale.ROOT, "%,12d  %s%n", count, reason));
            spec.commandLine()
                    .getOut()
                    .printf(
                            Locale.ROOT,
                            dryRun
                                    ? "%,d of %,d rejected records would be replayed%n"
                                    : "%,d of %,d rejected records were written back to their lanes%n",
                            chosen,
                            read);
            if (cut > 0) {
                spec.commandLine()
                        .getOut()
                        .printf(
                                Locale.ROOT,
                                "%,d more were too large to be kept whole (header engram-truncated-bytes): send them again from"
                                        + " their source%n",
                                cut);
            }
        }
        spec.commandLine().getOut().flush();
    }
}
