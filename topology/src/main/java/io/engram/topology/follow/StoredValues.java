package io.engram.topology.follow;

import java.util.Optional;

/** Reads memories back from the store, from any thread. */
public interface StoredValues {
    /**
     * The embedding stored for an id, with its generation; empty when the id is forgotten, dropped or unknown.
     *
     * @throws StoreClosedException when the store was closed meanwhile
     */
    Optional<StoredEmbedding> embedding(String space, String id);

    /** An embedding as it is stored now. */
    record StoredEmbedding(long generation, float[] vector) {}

    /** The store was closed, because its task went elsewhere. */
    final class StoreClosedException extends RuntimeException {
        private static final long serialVersionUID = 1L;

        public StoreClosedException(String store) {
            super("store is closed: " + store);
        }
    }
}
