package io.engram.topology.apply;

import static org.assertj.core.api.Assertions.assertThat;

import io.engram.schemas.Observation;
import io.engram.schemas.Operation;
import io.engram.schemas.SpaceSettings;
import io.engram.topology.TestEngines;
import io.engram.topology.TopologyFixture;
import io.engram.topology.store.DeletedKeys;
import java.nio.file.Path;
import java.time.Duration;
import java.util.OptionalLong;
import java.util.function.Predicate;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rocksdb.RocksDBException;

/**
 * Who reads a space does not pass over what was deleted of those behind it, in order of names, however many these are. They
 * leave from the last to the first, so that each has only deleted ones behind it.
 */
class NeighboursTest {
    private static final int SPACES = 5_000;
    private static final int PER_TICK = 50;
    private static final int MAX_TICKS = 50_000;
    private static final Duration TICK = Duration.ofMillis(100);

    /** Of the space itself, and of what begins behind it. */
    private static final long PASSED_BY_A_READ = 10;

    /** Less than one for each space: those that were swept in an earlier tick are not seen again. */
    private static final long PASSED_BY_ALL = SPACES / 2;

    @TempDir
    Path stateDir;

    @TempDir
    Path otherDir;

    private TopologyFixture topology;
    private DeletedKeys deleted;

    @BeforeEach
    void start() throws RocksDBException {
        deleted = new DeletedKeys(otherDir);
        topology = new TopologyFixture(stateDir, config -> config, TestEngines.create());
        for (int i = 0; i < SPACES; i++) {
            topology.send(space(i), Observation.observe("c", new float[] {1, i}).withId("m"));
        }
        topology.settle();
        topology.advance(Duration.ofSeconds(10));
        deleted.take();
    }

    @AfterEach
    void stop() throws RocksDBException {
        topology.close();
        deleted.close();
    }

    private static String space(int i) {
        return "s%05d".formatted(i);
    }

    /** Has all but the first space leave, and ticks until nothing is to be done with any. */
    private void leave(Observation how, Predicate<String> isWaiting) {
        for (int i = SPACES - 1; i > 0; i--) {
            topology.send(space(i), how);
            if (i % PER_TICK == 0) {
                topology.advance(TICK);
            }
        }
        for (int i = 1; i < SPACES; i++) {
            await(space(i), isWaiting);
        }
    }

    /** Ticks while something is to be done with the space. */
    private void await(String space, Predicate<String> isWaiting) {
        for (int ticks = 0; isWaiting.test(space); ticks++) {
            assertThat(ticks).as("ticks until it is done").isLessThan(MAX_TICKS);
            topology.advance(TICK);
        }
    }

    private boolean isBeingSwept(String space) {
        return topology.store().peekSpace(space).isBeingSwept();
    }

    private boolean isStored(String space) {
        return topology.store()
                .memory(space, topology.store().peekSpace(space), "m")
                .isPresent();
    }

    private void requireFewPassed() {
        assertThat(deleted.take()).as("deleted keys passed over").isLessThan(PASSED_BY_ALL);
        assertThat(topology.recallIds(space(0), new float[] {1, 0}, 10)).containsExactly("m");
        assertThat(deleted.take())
                .as("deleted keys that a recall in the space before them passes over")
                .isLessThan(PASSED_BY_A_READ);
        topology.send(space(0), Observation.of(Operation.DROP));
        await(space(0), this::isBeingSwept);
        assertThat(deleted.take())
                .as("deleted keys that a sweep of the space before them passes over")
                .isLessThan(PASSED_BY_A_READ);
    }

    @Test
    void shouldNotPassOverDroppedNeighbours() {
        leave(Observation.of(Operation.DROP), this::isBeingSwept);
        requireFewPassed();
    }

    @Test
    void shouldNotPassOverExpiredNeighbours() {
        leave(
                Observation.configure(SpaceSettings.ofRetention(OptionalLong.of(1_000), OptionalLong.empty())),
                this::isStored);
        requireFewPassed();
    }
}
