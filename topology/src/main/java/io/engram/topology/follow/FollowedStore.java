package io.engram.topology.follow;

import io.engram.topology.format.JournalPosition;
import io.engram.topology.format.MemoryKey;
import io.engram.topology.format.StoredMemory;
import java.util.List;
import java.util.Optional;
import java.util.function.BiConsumer;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.KeyValue;

/** What the loader reads of a store that indexes follow, from any thread. */
public interface FollowedStore {
    /** Name of the store. */
    String name();

    /** True until the store is closed. */
    boolean isOpen();

    /** The value of a key. */
    Optional<byte[]> read(Bytes key);

    /** Up to {@code max} entries from {@code from} (inclusive) to {@code to} (exclusive). */
    List<KeyValue<Bytes, byte[]>> scan(Bytes from, Bytes to, int max);

    /** Every change in the journal behind a position. */
    void replay(JournalPosition after, BiConsumer<JournalPosition, MemoryKey> each);

    /** True when the memory was dropped with its space. */
    boolean hides(String space, StoredMemory memory);
}
