package io.engram.topology.recall;

import static org.assertj.core.api.Assertions.assertThat;

import io.engram.schemas.Metadata;
import io.engram.schemas.Observation;
import io.engram.topology.TopologyFixture;
import io.engram.topology.recall.RecallOutcome.Recalled;
import io.engram.topology.store.MemoryView;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class EffortTest {
    private static final String SPACE = "space-1";
    private static final int MEMORIES = 2_000;
    private static final long SECOND = 1_000_000_000L;

    @TempDir
    Path stateDir;

    private TopologyFixture topology;

    @BeforeEach
    void remember() {
        topology = new TopologyFixture(stateDir);
        for (int i = 0; i < MEMORIES; i++) {
            topology.send(SPACE, memory(i + 1, i, "content " + i));
        }
        topology.settle();
    }

    @AfterEach
    void close() {
        topology.close();
    }

    private static Observation memory(int sequence, int i, String content) {
        return Observation.observe("s", sequence, content, new float[] {1, i / 100f, i % 7})
                .withId("m" + i)
                .withMetadata(Metadata.fromJson(("{\"n\":" + i + "}").getBytes(StandardCharsets.UTF_8)));
    }

    private MemoryView view() {
        return topology.store().view();
    }

    private RecallOutcome.Found recall(RecallRequest request, Effort effort) {
        return (RecallOutcome.Found) Recall.from(view(), request, effort);
    }

    @Test
    void shouldLetNothingPassAFilterOnceTheTimeIsUp() {
        MetadataFilter all = new MetadataFilter(List.of(new MetadataFilter.Exists("n", true)));
        RecallRequest request = new RecallRequest(SPACE, new float[] {1, 0, 0}, 10, -1, all, 100, Optional.empty());

        RecallOutcome.Found late = recall(request, new Effort(System.nanoTime() - 1, Long.MAX_VALUE, () -> false));
        RecallOutcome.Found inTime = recall(request, Effort.of(600_000, Long.MAX_VALUE, () -> false));

        assertThat(late.memories()).isEmpty();
        assertThat(late.complete()).isFalse();
        assertThat(inTime.memories()).hasSize(10);
        assertThat(inTime.complete()).isTrue();
    }

    @Test
    void shouldEndASearchThatNobodyWaitsForAnyMore() {
        AtomicInteger asked = new AtomicInteger();
        MetadataFilter none = new MetadataFilter(List.of(new MetadataFilter.Exists("missing", true)));
        RecallRequest request = new RecallRequest(SPACE, new float[] {1, 0, 0}, 10, -1, none, 100, Optional.empty());

        // The client leaves while memories are looked at.
        RecallOutcome.Found found =
                recall(request, Effort.of(600_000, Long.MAX_VALUE, () -> asked.incrementAndGet() > MEMORIES / 10));
        int untilItLeft = asked.getAndSet(0);
        RecallOutcome.Found whole = recall(request, Effort.of(600_000, Long.MAX_VALUE, () -> {
            asked.incrementAndGet();
            return false;
        }));

        assertThat(found.complete()).isFalse();
        assertThat(whole.complete()).isTrue();
        assertThat(untilItLeft).isPositive();
        assertThat(asked.get()).isGreaterThanOrEqualTo(MEMORIES);
    }

    @Test
    void shouldHoldNoMoreThanItMayAndReadTheRestLater() {
        RecallRequest request = RecallRequest.of(SPACE, new float[] {1, 0, 0}, 50);
        long some = view().memory(SPACE, "m0").orElseThrow().sizeBytes() * 3L;

        RecallOutcome.Found found = recall(request, new Effort(System.nanoTime() + 600 * SECOND, some, () -> false));

        assertThat(found.memories()).hasSize(50);
        assertThat(found.memories().stream().filter(each -> each.memory().isPresent()))
                .hasSizeBetween(1, 3);
        for (Recalled each : found.memories()) {
            Recalled read = Recall.read(view(), request, each.id()).orElseThrow();
            assertThat(read.similarity()).isEqualTo(each.similarity());
            assertThat(read.memory().orElseThrow().content())
                    .isEqualTo("content " + each.id().substring(1));
        }
    }

    @Test
    void shouldReadWhatIsStillThereAsItIsNow() {
        RecallRequest request = RecallRequest.of(SPACE, new float[] {1, 0, 0}, 2);
        RecallOutcome.Found found = recall(request, new Effort(System.nanoTime() + 600 * SECOND, 0, () -> false));
        String replaced = found.memories().get(0).id();
        String forgotten = found.memories().get(1).id();

        topology.send(
                SPACE,
                Observation.observe("s", MEMORIES + 1, "new", new float[] {0, 0, 1})
                        .withId(replaced));
        topology.send(SPACE, Observation.forget("s", MEMORIES + 2, forgotten));
        topology.settle();

        Recalled now = Recall.read(view(), request, replaced).orElseThrow();
        assertThat(now.memory().orElseThrow().content()).isEqualTo("new");
        assertThat(now.similarity()).isZero();
        assertThat(Recall.read(view(), request, forgotten)).isEmpty();
    }
}
