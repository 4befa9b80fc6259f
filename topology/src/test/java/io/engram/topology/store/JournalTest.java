package io.engram.topology.store;

import static org.assertj.core.api.Assertions.assertThat;

import io.engram.topology.format.JournalPosition;
import io.engram.topology.format.MemoryKey;
import io.engram.topology.format.StoreKeys;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.UUID;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.KeyValue;
import org.junit.jupiter.api.Test;

class JournalTest {
    private final TreeMap<Bytes, byte[]> stored = new TreeMap<>();

    private static Journal journal(long epoch) {
        return new Journal(new StoreIdentity(new UUID(1, 2), epoch), JournalPosition.START);
    }

    private void add(Journal journal, String id) {
        long number = journal.add();
        stored.put(
                journal.key(number), Journal.value(StoreKeys.memory("notes", id).get()));
    }

    private List<KeyValue<Bytes, byte[]>> read(Bytes from, Bytes to, int max) {
        List<KeyValue<Bytes, byte[]>> page = new ArrayList<>();
        for (Map.Entry<Bytes, byte[]> entry : stored.subMap(from, to).entrySet()) {
            if (page.size() < max) {
                page.add(KeyValue.pair(entry.getKey(), entry.getValue()));
            }
        }
        return page;
    }

    private int trim(Journal journal) {
        List<KeyValue<Bytes, byte[]>> dead = journal.trim(this::read);
        assertThat(dead).hasSizeLessThanOrEqualTo(Journal.MAX_TRIMMED);
        dead.forEach(entry -> {
            assertThat(entry.value).isNull();
            stored.remove(entry.key);
        });
        return dead.size();
    }

    @Test
    void shouldKeepItsBytes() {
        Journal journal = journal(3);
        add(journal, "tea");
        assertThat(HexFormat.of().formatHex(stored.firstKey().get()))
                .isEqualTo("7a" + "0000000000000003" + "0000000000000001");
        assertThat(new String(stored.firstEntry().getValue(), StandardCharsets.UTF_8))
                .isEqualTo("notes\0tea");
        assertThat(Journal.Entry.of(
                        KeyValue.pair(stored.firstKey(), stored.firstEntry().getValue())))
                .isEqualTo(new Journal.Entry(new JournalPosition(3, 1), new MemoryKey("notes", "tea")));
    }

    @Test
    void shouldKnowWhatNoCrashTakesBack() {
        Journal journal = journal(1);
        journal.add();
        journal.commit(-1); // before the first flush nobody knows the sequence number
        journal.flushed(100);
        assertThat(journal.flushed()).isZero();

        journal.add();
        journal.commit(110);
        journal.add();
        journal.commit(120);
        journal.add(); // not committed
        assertThat(journal.committed()).isEqualTo(new JournalPosition(1, 3));
        journal.flushed(109);
        assertThat(journal.flushed()).isZero();
        journal.flushed(119);
        assertThat(journal.flushed()).isEqualTo(2);
        journal.flushed(500);
        assertThat(journal.flushed()).isEqualTo(3);
    }

    @Test
    void shouldForgetByAndByWhatNobodyNeeds() {
        Journal before = journal(1);
        for (int i = 0; i < 1_500; i++) {
            add(before, "old" + i);
        }
        Journal journal = journal(2);
        for (int i = 0; i < 10; i++) {
            add(journal, "new" + i);
        }
        assertThat(trim(journal)).as("somebody may need everything").isZero();
        journal.trimTo(new JournalPosition(2, 4));
        journal.trimTo(new JournalPosition(1, 2)); // later, and less
        assertThat(trim(journal)).isEqualTo(1_000);
        assertThat(trim(journal)).isEqualTo(504);
        assertThat(trim(journal)).isZero();
        assertThat(stored.firstKey()).isEqualTo(journal.key(5));
        journal.trimTo(new JournalPosition(2, 10));
        assertThat(trim(journal)).isEqualTo(6);
        assertThat(stored).isEmpty();
    }
}
