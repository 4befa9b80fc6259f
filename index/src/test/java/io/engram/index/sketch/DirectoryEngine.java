package io.engram.index.sketch;

import io.engram.index.Hit;
import io.engram.index.HnswParameters;
import io.engram.index.IndexEngine;
import io.engram.index.SearchRequest;
import io.engram.index.VectorIndex;
import io.engram.index.VectorSource;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.function.Supplier;
import java.util.stream.Stream;

/** {@link SegmentedIndex}es behind the contract of all engines: what is saved is a commit's files, one after the other. */
final class DirectoryEngine implements IndexEngine {
    private static final int MAGIC = 0x46494c45;
    private static final byte[] NO_USER_DATA = new byte[0];

    private final Path root;
    private final SegmentedIndex.Settings settings;
    private final int reopenEvery;
    private final SketchEngine engine;

    /**
     * @param root of a directory for each index
     * @param reopenEvery so many additions the index is committed, closed and opened again
     */
    DirectoryEngine(Path root, SegmentedIndex.Settings settings, int reopenEvery, Executor executor) {
        this.root = root;
        this.settings = settings;
        this.reopenEvery = reopenEvery;
        this.engine = new SketchEngine(HnswParameters.DEFAULT, executor);
    }

    /** Segments so small that tests see many of them and of their merges. */
    static SegmentedIndex.Settings small(int openEntries) {
        return new SegmentedIndex.Settings(
                openEntries,
                1 << 22,
                new MergePolicy(3, 20 * openEntries, 1 << 30),
                IndexDirectory.Steps.NONE,
                () -> new IdHash(1, 2));
    }

    @Override
    public String name() {
        return "directory";
    }

    private Path freshDirectory() {
        try {
            return Files.createTempDirectory(root, "index-");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public VectorIndex create(int dimension, VectorSource source) {
        return new Reopening(freshDirectory(), dimension, source);
    }

    @Override
    public VectorIndex load(InputStream in, VectorSource source) throws IOException {
        DataInputStream data = new DataInputStream(in);
        if (data.readInt() != MAGIC) {
            throw new IOException("no saved directory");
        }
        int dimension = data.readInt();
        Path directory = freshDirectory();
        for (int files = data.readInt(); files > 0; files--) {
            Path file = directory.resolve(data.readUTF());
            byte[] bytes = new byte[data.readInt()];
            data.readFully(bytes);
            Files.write(file, bytes);
        }
        return new Reopening(directory, dimension, source);
    }

    private final class Reopening implements VectorIndex {
        private final Path directory;
        private final int dimension;
        private final VectorSource source;
        private final ReadWriteLock reopening = new ReentrantReadWriteLock();
        private final AtomicInteger added = new AtomicInteger();
        private SegmentedIndex index;

        Reopening(Path directory, int dimension, VectorSource source) {
            this.directory = directory;
            this.dimension = dimension;
            this.source = source;
            open();
        }

        private void open() {
            try {
                SegmentedIndex.Opened opened = engine.open(directory, dimension, source, settings);
                if (!opened.damaged().isEmpty()) {
                    throw new IOException(opened.damaged().toString());
                }
                index = opened.index();
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }

        private <T> T with(Supplier<T> action) {
            reopening.readLock().lock();
            try {
                return action.get();
            } finally {
                reopening.readLock().unlock();
            }
        }

        @Override
        public int dimension() {
            return dimension;
        }

        @Override
        public boolean add(String id, long generation, float[] vector) {
            if (added.incrementAndGet() % reopenEvery == 0) {
                reopen();
            }
            return with(() -> index.add(id, generation, vector));
        }

        private void reopen() {
            reopening.writeLock().lock();
            try {
                index.commit(NO_USER_DATA);
                index.close();
                open();
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            } finally {
                reopening.writeLock().unlock();
            }
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
        public boolean holds(String id, long generation, float[] vector) {
            return with(() -> index.holds(id, generation, vector));
        }

        @Override
        public void save(OutputStream out) throws IOException {
            reopening.writeLock().lock();
            try (Stream<Path> files = Files.list(directory)) {
                index.commit(NO_USER_DATA);
                List<Path> all = files.toList();
                DataOutputStream data = new DataOutputStream(out);
                data.writeInt(MAGIC);
                data.writeInt(dimension);
                data.writeInt(all.size());
                for (Path file : all) {
                    byte[] bytes = Files.readAllBytes(file);
                    data.writeUTF(file.getFileName().toString());
                    data.writeInt(bytes.length);
                    data.write(bytes);
                }
            } finally {
                reopening.writeLock().unlock();
            }
        }

        @Override
        public long memoryBytes() {
            return with(() -> index.memoryBytes());
        }

        @Override
        public void close() {
            index.close();
        }
    }
}
