package io.engram.topology.apply;

import static org.assertj.core.api.Assertions.assertThat;

import io.engram.schemas.Lane;
import io.engram.schemas.Observation;
import io.engram.schemas.Operation;
import io.engram.topology.TestEngines;
import io.engram.topology.TopologyFixture;
import io.engram.topology.admission.LaneDepths.LanePartition;
import io.engram.topology.admission.PartitionDepth;
import io.engram.topology.store.CountingStore;
import io.engram.topology.store.DeletedKeys;
import io.engram.topology.store.RetentionConfig;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.function.Predicate;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rocksdb.RocksDBException;

/** What happens at a time costs what is due then, however many spaces there are. Reads of the store are counted, not time. */
class ManySpacesTest {
    private static final int SPACES = 20_000;
    private static final int MAX_TICKS = 50_000;
    private static final Duration TTL = Duration.ofHours(2);
    private static final Duration TICK = Duration.ofMillis(100);

    /** Of a second without anything due: a few looks at fronts. */
    private static final long IDLE_READS = 100;

    /** Of all that becomes of a space: its keys, its memory, its record, its state. */
    private static final long READS_PER_SPACE = 8;

    /** A tenth of what a second reads, and what a tick had no time left for. */
    private static final long READS_PER_TICK = IDLE_READS / 10 + 150;

    @TempDir
    Path stateDir;

    @TempDir
    Path otherDir;

    private TopologyFixture topology;
    private DeletedKeys deleted;
    private CountingStore reads;

    @BeforeEach
    void start() throws RocksDBException {
        deleted = new DeletedKeys(otherDir);
        topology = new TopologyFixture(
                stateDir, config -> config.withRetention(new RetentionConfig(TTL.toMillis(), 0)), TestEngines.create());
        reads = CountingStore.in(topology.store());
        topology.advance(TICK); // the store has seen what is configured before it has spaces
    }

    @AfterEach
    void stop() throws RocksDBException {
        topology.close();
        deleted.close();
    }

    /** Every lane is known to be read to its end, so nothing older can come. */
    private void measureLanes() {
        for (Lane lane : Lane.ALL) {
            PartitionDepth depth =
                    topology.runtime().depths().of(new LanePartition(lane, 0)).orElseThrow();
            depth.positionAtLeast(0);
            depth.ends(0, 0, 0);
        }
    }

    private void remember(String name) {
        for (int i = 0; i < SPACES; i++) {
            topology.send(
                    name + i,
                    Observation.observe("s", 1, "c", new float[] {1, i}).withId("m"));
        }
        topology.settle();
    }

    /** A second reads little, and passes over little of what was deleted. */
    private void requireIdle(String when) {
        topology.advance(Duration.ofSeconds(1));
        reads.takeReads();
        deleted.take();
        topology.advance(Duration.ofSeconds(1));
        assertThat(reads.takeReads()).as("reads when " + when).isLessThan(IDLE_READS);
        assertThat(deleted.take()).as("deleted keys passed over when " + when).isLessThan(IDLE_READS);
    }

    /** Ticks until nothing is to be done with any of the spaces; requires that this reads of each what is its own. */
    private void requireFewReads(String name, Predicate<String> isWaiting) {
        long sum = 0;
        long ticks = 0;
        for (int i = 0; i < SPACES; i++) {
            while (isWaiting.test(name + i)) {
                assertThat(ticks).as("ticks until all of it is done").isLessThan(MAX_TICKS);
                reads.takeReads();
                topology.advance(TICK);
                sum += reads.takeReads();
                ticks++;
            }
        }
        assertThat(sum)
                .as("reads of " + ticks + " ticks for " + name)
                .isLessThan(READS_PER_SPACE * SPACES + READS_PER_TICK * ticks);
    }

    private boolean isBeingSwept(String space) {
        return topology.store().peekSpace(space).isBeingSwept();
    }

    private boolean isDropped(String space) {
        return topology.store().peekSpace(space).isDropped();
    }

    private boolean isStored(String space) {
        return topology.store()
                .memory(space, topology.store().peekSpace(space), "m")
                .isPresent();
    }

    @Test
    void shouldReadOnlyWhatIsDue() {
        remember("dropped-");
        remember("expiring-");
        topology.advance(Duration.ofSeconds(30)); // every session is acknowledged
        requireIdle("nothing is due");

        for (int i = 0; i < SPACES; i++) {
            topology.send("dropped-" + i, Observation.of(Operation.DROP, "s", 2));
        }
        requireFewReads("dropped-", this::isBeingSwept);
        topology.settle();
        topology.advance(Duration.ofSeconds(30));
        requireIdle("all is swept");

        topology.leap(TTL);
        requireFewReads("expiring-", this::isStored);
        topology.settle();
        topology.advance(Duration.ofSeconds(5));
        requireIdle("all has expired");

        measureLanes();
        topology.leap(Duration.ofHours(25));
        requireFewReads("dropped-", this::isDropped);
        topology.advance(Duration.ofMinutes(5)); // sessions go as well
        requireIdle("all is forgotten");
        assertThat(topology.store()
                        .view()
                        .spaces("dropped-", Optional.empty(), 10)
                        .spaces())
                .isEmpty();
        assertThat(topology.store().spacesAfter(Optional.of("dropped-"), 1))
                .as("not even a record is left")
                .allSatisfy(known -> assertThat(known.space()).startsWith("expiring-"));
    }
}
