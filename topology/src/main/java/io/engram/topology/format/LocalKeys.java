package io.engram.topology.format;

/** The keys that a store has for itself: its identity and its journal. They are not in Kafka. */
public final class LocalKeys {
    private LocalKeys() {}

    /** True when the key is not in the changelog, whatever happens. */
    public static boolean isLocal(byte[] storeKey) {
        return storeKey.length > 0 && (storeKey[0] == StoreKeys.IDENTITY.get()[0] || storeKey[0] == StoreKeys.JOURNAL);
    }
}
