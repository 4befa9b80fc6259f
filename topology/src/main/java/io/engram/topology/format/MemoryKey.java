package io.engram.topology.format;

import java.util.Optional;

/** A memory's place: its space and its id. */
public record MemoryKey(String space, String id) {
    /** The memory that a key of the store or of its changelog speaks of; empty for keys of other things. */
    public static Optional<MemoryKey> ofStoreKey(byte[] storeKey) {
        return storeKey.length > 0 && storeKey[0] == StoreKeys.MEMORY ? Optional.of(of(storeKey)) : Optional.empty();
    }

    /** Reads a key of {@link StoreKeys#memory}. */
    public static MemoryKey of(byte[] storeKey) {
        String body = StoreKeys.body(storeKey);
        int zero = body.indexOf('\0');
        return new MemoryKey(body.substring(0, zero), body.substring(zero + 1));
    }
}
