package io.engram.topology.store;

/** Damages a store the way a defect would. */
public final class StoreTampering {
    private StoreTampering() {}

    public static void putSession(MemoryStore store, SessionKey key, byte[] value) {
        store.putRaw(StoreKeys.session(key.space(), key.lane(), key.session()), value);
    }
}
