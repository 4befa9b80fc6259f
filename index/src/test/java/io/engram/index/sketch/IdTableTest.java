package io.engram.index.sketch;

import static org.assertj.core.api.Assertions.assertThat;

import io.engram.index.HnswParameters;
import java.nio.charset.StandardCharsets;
import java.util.HashSet;
import java.util.Set;
import org.junit.jupiter.api.Test;

class IdTableTest {
    private static final int DIMENSION = 4;

    private final ScratchPool scratches = new ScratchPool(DIMENSION);
    private final Scratch scratch = scratches.borrow();
    private final OpenSegment entries = new OpenSegment(DIMENSION, scratches.rotation(), HnswParameters.DEFAULT, 0);
    private final IdTable table = new IdTable(entries);

    private void put(IdHash.Key key) {
        entries.lock().lock();
        table.put(key, entries.append(key.id(), 1, new float[] {1, 0, 0, 0}, scratch));
        entries.lock().unlock();
    }

    /** As if all ids had the same hash. */
    private static IdHash.Key colliding(String id) {
        return new IdHash.Key(id, id.getBytes(StandardCharsets.UTF_8), -1);
    }

    @Test
    void shouldFindTheNewestEntryOfEachId() {
        IdHash hash = new IdHash(1, 2);
        for (int i = 0; i < 900; i++) {
            put(hash.key("id " + i % 300));
        }
        for (int i = 0; i < 300; i++) {
            assertThat(table.find(hash.key("id " + i))).isEqualTo(600 + i);
        }
        assertThat(table.find(hash.key("id 300"))).isEqualTo(IdTable.NONE);
        // One slot for an id, however often it is replaced.
        assertThat(table.memoryBytes()).isLessThan(300 * 4 * 8);
    }

    @Test
    void shouldTellIdsApartThatCollide() {
        for (int i = 0; i < 100; i++) {
            put(colliding("id " + i));
        }
        for (int i = 0; i < 100; i++) {
            assertThat(table.find(colliding("id " + i))).isEqualTo(i);
        }
        assertThat(table.find(colliding("other"))).isEqualTo(IdTable.NONE);
    }

    @Test
    void shouldHashByAKeyAndSpreadWhatLooksAlike() {
        Set<Integer> hashes = new HashSet<>();
        Set<Integer> lowest = new HashSet<>();
        for (int i = 0; i < 10_000; i++) {
            int hash = new IdHash(1, 2).key("id " + i).hash();
            hashes.add(hash);
            lowest.add(hash & 255);
        }
        assertThat(hashes).hasSizeGreaterThan(9_990);
        assertThat(lowest).hasSize(256);
        assertThat(new IdHash(1, 2).key("id").hash())
                .isEqualTo(new IdHash(1, 2).key("id").hash())
                .isNotEqualTo(new IdHash(1, 3).key("id").hash())
                .isNotEqualTo(new IdHash(2, 2).key("id").hash());
        assertThat(new IdHash(1, 2).of(new byte[0])).isNotEqualTo(new IdHash(1, 2).of(new byte[1]));
    }
}
