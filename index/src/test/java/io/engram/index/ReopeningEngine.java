package io.engram.index;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalLong;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.function.Supplier;

/**
 * Another engine, whose indexes are committed, closed and opened again all the time. Thread-safe, as they are.
 *
 * @param every so many additions
 */
public record ReopeningEngine(IndexEngine engine, int every) implements IndexEngine {
    @Override
    public String name() {
        return engine.name();
    }

    @Override
    public OpenedIndex open(Path directory, int dimension, VectorSource source) throws IOException {
        OpenedIndex opened = engine.open(directory, dimension, source);
        return new OpenedIndex(new Reopening(directory, source, opened.index()), opened.userData(), opened.damaged());
    }

    private final class Reopening implements VectorIndex {
        private final Path directory;
        private final VectorSource source;
        private final ReadWriteLock reopening = new ReentrantReadWriteLock();
        private final AtomicInteger added = new AtomicInteger();
        private VectorIndex index;

        Reopening(Path directory, VectorSource source, VectorIndex index) {
            this.directory = directory;
            this.source = source;
            this.index = index;
        }

        private <T> T with(Supplier<T> action) {
            reopening.readLock().lock();
            try {
                return action.get();
            } finally {
                reopening.readLock().unlock();
            }
        }

        private void reopen() {
            reopening.writeLock().lock();
            try {
                index.commit(new byte[0]);
                index.close();
                OpenedIndex opened = engine.open(directory, index.dimension(), source);
                index = opened.index();
                if (!opened.damaged().isEmpty()) {
                    throw new IOException(opened.damaged().toString());
                }
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            } finally {
                reopening.writeLock().unlock();
            }
        }

        @Override
        public int dimension() {
            return with(() -> index.dimension());
        }

        @Override
        public boolean add(String id, long generation, float[] vector) {
            if (added.incrementAndGet() % every == 0) {
                reopen();
            }
            return with(() -> index.add(id, generation, vector));
        }

        @Override
        public boolean remove(String id, long generation) {
            return with(() -> index.remove(id, generation));
        }

        @Override
        public List<Hit> search(SearchRequest request) {
            return with(() -> index.search(request));
        }

        @Override
        public int size() {
            return with(() -> index.size());
        }

        @Override
        public Set<String> ids() {
            return with(() -> index.ids());
        }

        @Override
        public OptionalLong generation(String id) {
            return with(() -> index.generation(id));
        }

        @Override
        public boolean holds(String id, long generation, float[] vector) {
            return with(() -> index.holds(id, generation, vector));
        }

        @Override
        public void commit(Supplier<byte[]> userData) throws IOException {
            reopening.readLock().lock();
            try {
                index.commit(userData);
            } finally {
                reopening.readLock().unlock();
            }
        }

        @Override
        public List<DamagedSegment> verify() {
            return with(() -> index.verify());
        }

        @Override
        public void drop(DamagedSegment damaged) {
            with(() -> {
                index.drop(damaged);
                return true;
            });
        }

        @Override
        public long memoryBytes() {
            return with(() -> index.memoryBytes());
        }

        @Override
        public void close() {
            with(() -> {
                index.close();
                return true;
            });
        }
    }
}
