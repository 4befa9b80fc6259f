package io.engram.topology.store;

import io.engram.topology.format.StoreKeys;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.state.KeyValueIterator;
import org.apache.kafka.streams.state.KeyValueStore;

/** Which keys are stored. */
public final class StoredKeys {
    private StoredKeys() {}

    /** Of sessions and of what is due of them, without what is there however many sessions there are. */
    public static List<Bytes> ofSessions(KeyValueStore<Bytes, byte[]> store) {
        Set<Bytes> fences = new HashSet<>(StoreKeys.fencesOfSessions());
        List<Bytes> keys = new ArrayList<>();
        try (KeyValueIterator<Bytes, byte[]> all = store.all()) {
            all.forEachRemaining(entry -> keys.add(entry.key));
        }
        keys.removeAll(fences);
        keys.remove(StoreKeys.ACKNOWLEDGED);
        return keys;
    }
}
