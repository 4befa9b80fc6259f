package io.engram.topology.store;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.apache.kafka.common.utils.Bytes;

/** Which keys are stored. */
public final class StoredKeys {
    private StoredKeys() {}

    /** Of sessions and of what is due of them, without those that are always there. */
    public static List<Bytes> ofSessions(MemoryStore store) {
        Set<Bytes> fences = new HashSet<>(StoreKeys.fencesOfSessions());
        Set<Byte> kinds = new HashSet<>();
        DueKind.OF_SESSIONS.forEach(kind -> kinds.add(kind.code()));
        List<Bytes> keys = new ArrayList<>();
        store.view().forEachKey(key -> {
            byte prefix = key.get()[0];
            boolean isOfSessions = prefix == StoreKeys.SESSION
                    || prefix == StoreKeys.RETIRED
                    || prefix == StoreKeys.DUE && kinds.contains(key.get()[1]);
            if (isOfSessions && !fences.contains(key)) {
                keys.add(key);
            }
        });
        return keys;
    }
}
