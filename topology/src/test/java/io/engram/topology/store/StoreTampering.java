package io.engram.topology.store;

import io.engram.topology.format.SessionKey;
import io.engram.topology.format.SpaceRecord;
import io.engram.topology.format.StoreKeys;
import java.util.Optional;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.state.KeyValueStore;

/** Damages a store the way a defect would. */
public final class StoreTampering {
    private StoreTampering() {}

    public static void putSession(KeyValueStore<Bytes, byte[]> sessions, SessionKey key, byte[] value) {
        sessions.put(StoreKeys.session(key.space(), key.lane(), key.session()), value);
    }

    /** Past what the store knows of the space already. */
    static void putSpace(MemoryStore store, String space, SpaceRecord record) {
        store.putRaw(StoreKeys.space(space), record.encode());
    }

    /** Writes bytes where a memory is kept, or takes them away. */
    public static void putMemory(MemoryStore store, String space, String id, Optional<byte[]> value) {
        store.putRaw(StoreKeys.memory(space, id), value.orElse(null));
    }
}
