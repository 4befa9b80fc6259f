package io.engram.topology.store;

import static org.assertj.core.api.Assertions.assertThat;

import io.engram.topology.TopologyFixture;
import io.engram.topology.format.SpaceRecord;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MemoryStoreTest {
    @TempDir
    Path stateDir;

    private TopologyFixture topology;
    private MemoryStore store;

    @BeforeEach
    void start() {
        topology = new TopologyFixture(stateDir);
        store = topology.store();
    }

    @AfterEach
    void stop() {
        topology.close();
    }

    @Test
    void shouldReadBackWhatIsKnownOfASpace() {
        SpaceRecord record = SpaceRecord.UNKNOWN.withDimension(3);
        assertThat(store.space("notes")).isEqualTo(SpaceRecord.UNKNOWN);

        store.putSpace("notes", record);
        assertThat(store.space("notes")).isEqualTo(record);
        assertThat(store.view().space("notes")).isEqualTo(record);

        store.deleteSpace("notes");
        assertThat(store.space("notes")).isEqualTo(SpaceRecord.UNKNOWN);
    }

    @Test
    void shouldKnowEverySpaceOfMany() {
        for (int i = 1; i <= 3_000; i++) {
            store.putSpace("space-" + i, SpaceRecord.UNKNOWN.withDimension(i));
        }
        for (int i = 1; i <= 3_000; i++) {
            assertThat(store.space("space-" + i).dimension()).isEqualTo(i);
        }
    }

    /** A transaction may have been aborted, or another instance may have written. */
    @Test
    void shouldReadSpacesAnewWhenItIsActivated() {
        store.putSpace("notes", SpaceRecord.UNKNOWN.withDimension(3));
        StoreTampering.putSpace(store, "notes", SpaceRecord.UNKNOWN.withDimension(5));

        store.activate(Map.of(), topology.cachedStore());

        assertThat(store.space("notes").dimension()).isEqualTo(5);
    }
}
