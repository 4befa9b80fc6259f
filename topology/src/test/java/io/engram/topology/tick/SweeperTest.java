package io.engram.topology.tick;

import static org.assertj.core.api.Assertions.assertThat;

import io.engram.schemas.Lane;
import io.engram.schemas.Observation;
import io.engram.schemas.Operation;
import io.engram.topology.TestEngines;
import io.engram.topology.TopologyFixture;
import io.engram.topology.apply.Retention;
import io.engram.topology.metrics.EngramMetrics;
import io.engram.topology.store.MemoryStore;
import io.engram.topology.store.RetentionConfig;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is left of dropped spaces goes, whoever has the store by then. */
class SweeperTest {
    private static final SessionConfig SESSIONS = new SessionConfig(1_000, 60_000, 60_000);

    @TempDir
    Path stateDir;

    private TopologyFixture topology;
    private MemoryStore store;
    private long sequence;

    @BeforeEach
    void start() {
        topology = new TopologyFixture(stateDir, config -> config.withSessions(SESSIONS), TestEngines.create());
        store = topology.store();
    }

    @AfterEach
    void stop() {
        topology.close();
    }

    private void remember(String space, int memories) {
        for (int i = 0; i < memories; i++) {
            topology.send(
                    space,
                    Observation.observe("s" + ++sequence, 1, "c" + sequence, new float[] {1, i})
                            .withId("m" + i));
        }
        topology.settle();
    }

    private void drop(String space) {
        topology.send(space, Observation.of(Operation.DROP, "s" + ++sequence, 1));
    }

    /** As another instance would have it, that takes the partition over: nothing but what is stored. */
    private Sweeper another() {
        EngramMetrics metrics = new EngramMetrics(new PrometheusRegistry(), 0);
        return new Sweeper(store, SESSIONS, new Retention(store, RetentionConfig.NONE, metrics));
    }

    private static void sweep(Sweeper sweeper) {
        for (int i = 0; i < 200; i++) {
            sweeper.sweepDropped();
        }
    }

    @Test
    void shouldSweepWhatAnotherInstanceLeft() {
        remember("a", 250);
        drop("a");
        assertThat(store.isEmpty("a")).isFalse();

        sweep(another());

        assertThat(store.isEmpty("a")).isTrue();
        assertThat(store.space("a").isDropped())
                .as("something older may still come")
                .isTrue();
        assertThat(store.space("a").isBeingSwept()).isFalse();
    }

    @Test
    void shouldSweepASpaceThatIsDroppedAgainOnce() {
        remember("a", 150);
        drop("a");
        remember("a", 5);
        drop("a");
        topology.advance(Duration.ofSeconds(1));
        assertThat(store.isEmpty("a")).isTrue();
        remember("a", 3);
        sweep(another());
        topology.advance(Duration.ofSeconds(1));

        assertThat(store.memoriesAfter("a", Optional.empty(), 10).memories()).hasSize(3);
        topology.settle();
        assertThat(topology.recallIds("a", new float[] {1, 0}, 5)).containsExactlyInAnyOrder("m0", "m1", "m2");
    }

    @Test
    void shouldForgetADropWhenNothingOlderCanCome() {
        remember("a", 1);
        drop("a");
        remember("b", 1);
        drop("b");
        remember("b", 1);
        topology.advance(Duration.ofSeconds(1));
        long droppedAtMs = store.space("a").dropped().atMs();
        Sweeper sweeper = another();

        sweeper.forgetDrops(droppedAtMs + SESSIONS.retentionMs());
        assertThat(store.space("a").isDropped())
                .as("it is kept for the whole time")
                .isTrue();

        sweeper.forgetDrops(droppedAtMs + SESSIONS.retentionMs() + 1_000);
        assertThat(store.spacesAfter(Optional.empty(), 10))
                .extracting(MemoryStore.KnownSpace::space)
                .as("of a space that nobody uses nothing is left")
                .containsExactly("b");
        assertThat(store.peekSpace("b").isDropped()).isFalse();
        assertThat(store.peekSpace("b").dimension()).isEqualTo(2);
    }

    @Test
    void shouldKeepALaterDropOfTheSameSpace() {
        remember("a", 1);
        drop("a");
        topology.advance(Duration.ofSeconds(1));
        long firstMs = store.space("a").dropped().atMs();
        topology.advance(Duration.ofSeconds(30));
        drop("a");
        topology.advance(Duration.ofSeconds(1));
        Sweeper sweeper = another();

        sweeper.forgetDrops(firstMs + SESSIONS.retentionMs() + 1_000);
        assertThat(store.peekSpace("a").isDropped()).isTrue();
        sweeper.forgetDrops(firstMs + SESSIONS.retentionMs() + 33_000);
        assertThat(store.peekSpace("a").isDropped()).isFalse();
    }

    @Test
    void shouldPurgeOldTombstonesWhateverTheirNumber() {
        remember("a", 600);
        for (int i = 0; i < 600; i++) {
            topology.send("a", Observation.forget("s" + ++sequence, 1, "m" + i));
        }
        topology.send(Lane.NORMAL, "a", Observation.observe("s" + ++sequence, 1, "c", new float[] {1, 1}));
        topology.settle();
        long nowMs = topology.runtime().clock().getAsLong();
        Sweeper sweeper = another();

        sweeper.sweepTombstones(nowMs + SESSIONS.retentionMs() - 60_000);
        assertThat(store.memory("a", "m599")).isPresent();
        for (int i = 0; i < 20; i++) {
            sweeper.sweepTombstones(nowMs + SESSIONS.retentionMs() + 1);
        }

        assertThat(store.memory("a", "m0")).isEmpty();
        assertThat(store.memory("a", "m599")).isEmpty();
        assertThat(store.memoriesAfter("a", Optional.empty(), 10).memories()).hasSize(1);
    }

    @Test
    void shouldPassOverDroppedSpacesInPages() {
        for (int i = 0; i < 2_300; i++) {
            String space = "s%05d".formatted(i);
            topology.send(space, Observation.observe("s", 1, "c", new float[] {1, 0}));
            if (i != 2 && i != 2_200) {
                topology.send(space, Observation.of(Operation.DROP, "s", 2));
            }
        }
        topology.settle();

        var first = store.view().spaces("s", Optional.empty(), 10);
        assertThat(first.spaces()).extracting(MemoryStore.KnownSpace::space).containsExactly("s00002");
        assertThat(first.next()).as("it has looked at 2,010").contains("s02009");
        var second = store.view().spaces("s", first.next(), 10);
        assertThat(second.spaces()).extracting(MemoryStore.KnownSpace::space).containsExactly("s02200");
        assertThat(second.next()).isEmpty();

        var cut = store.view().spaces("", Optional.empty(), 1);
        assertThat(cut.next()).contains("s00002");
        assertThat(store.view().spaces("s022", Optional.of("a"), 10).spaces()).hasSize(1);
        assertThat(store.view().spaces("s0220", Optional.of("s02200"), 10).spaces())
                .isEmpty();
        assertThat(store.view().spaces("t", Optional.empty(), 10))
                .isEqualTo(new io.engram.topology.store.MemoryView.SpacesPage(java.util.List.of(), Optional.empty()));
    }
}
