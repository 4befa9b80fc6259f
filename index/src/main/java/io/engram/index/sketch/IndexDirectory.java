package io.engram.index.sketch;

import io.engram.index.Directories;
import io.engram.index.DirectoryLocks;
import io.engram.index.HnswParameters;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.atomic.AtomicLong;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * The files of an index.
 *
 * <pre>
 * manifest          what the index consists of; replaced as a whole by a commit
 * manifest.new      a commit that was interrupted; removed at open
 * NUMBER.segment    a segment, sealed or open; what the manifest does not name is removed at open
 * lock              is locked while the index is open
 * </pre>
 *
 * A number is used again only after an open, and only when no file has it. Thread-safe.
 */
final class IndexDirectory implements AutoCloseable {
    private static final String MANIFEST = "manifest";
    private static final String NEW_MANIFEST = "manifest.new";
    private static final Pattern SEGMENT = Pattern.compile("(\\d{1,18})\\.segment");

    private final DirectoryLocks.Held lock;
    private final Path path;
    private final Steps steps;
    private final AtomicLong lastNumber = new AtomicLong();

    /** Told of what was done to files, so that tests can look at the directory in between. */
    @FunctionalInterface
    interface Steps {
        Steps NONE = step -> {};

        /** @throws IOException to make the next step fail */
        void after(String step) throws IOException;
    }

    private IndexDirectory(DirectoryLocks.Held lock, Steps steps) {
        this.lock = lock;
        this.path = lock.directory();
        this.steps = steps;
    }

    /** A directory and the manifest in it. */
    record Opened(IndexDirectory directory, Optional<Manifest> manifest) {}

    /**
     * Opens a directory. Removes what an interrupted commit or merge left, but nothing when the manifest is damaged.
     *
     * @param lock on the directory, which {@link #close} gives up
     * @throws io.engram.index.DamagedIndexException when the manifest is damaged, of another version, or of an index of other
     *     parameters
     */
    static Opened open(DirectoryLocks.Held lock, int dimension, HnswParameters parameters, Steps steps)
            throws IOException {
        IndexDirectory directory = new IndexDirectory(lock, steps);
        Optional<Manifest> manifest = directory.readManifest();
        if (manifest.isPresent()) {
            manifest.get().requireSame(directory.path.resolve(MANIFEST), dimension, parameters);
        }
        Set<Long> named = new HashSet<>();
        manifest.ifPresent(found -> found.parts().forEach(part -> named.add(part.number())));
        directory.removeLeftovers(named);
        named.forEach(number -> directory.lastNumber.accumulateAndGet(number, Math::max));
        return new Opened(directory, manifest);
    }

    private Optional<Manifest> readManifest() throws IOException {
        Path file = path.resolve(MANIFEST);
        try {
            return Optional.of(Manifest.decode(file, Files.readAllBytes(file)));
        } catch (NoSuchFileException e) {
            return Optional.empty();
        }
    }

    private void removeLeftovers(Set<Long> named) throws IOException {
        Files.deleteIfExists(path.resolve(NEW_MANIFEST));
        try (Stream<Path> files = Files.list(path)) {
            for (Path file : (Iterable<Path>) files::iterator) {
                Matcher matcher = SEGMENT.matcher(file.getFileName().toString());
                if (matcher.matches() && !named.contains(Long.parseLong(matcher.group(1)))) {
                    Files.delete(file);
                }
            }
        }
    }

    /** Of a file that does not exist yet. */
    long nextNumber() {
        return lastNumber.incrementAndGet();
    }

    Path segment(long number) {
        return path.resolve(number + ".segment");
    }

    /** Writes a segment's file and forces it to the disk; removes it again when that fails. */
    void write(
            long number, SegmentWriter.Shape shape, SegmentWriter.Entries entries, Optional<HammingGraph.Saved> graph)
            throws IOException {
        try {
            SegmentWriter.write(segment(number), shape, entries, graph);
            steps.after("segment");
        } catch (IOException e) {
            discard(List.of(number), e);
            throw e;
        }
    }

    private void discard(List<Long> numbers, IOException cause) {
        try {
            delete(numbers);
        } catch (IOException e) {
            cause.addSuppressed(e);
        }
    }

    /** Makes a manifest the one that is opened next; its files are on the disk. */
    void publish(Manifest manifest) throws IOException {
        Directories.force(path);
        steps.after("files forced");
        Path fresh = path.resolve(NEW_MANIFEST);
        try (FileChannel channel = FileChannel.open(
                fresh, StandardOpenOption.CREATE, StandardOpenOption.TRUNCATE_EXISTING, StandardOpenOption.WRITE)) {
            ByteBuffer bytes = ByteBuffer.wrap(manifest.encode());
            while (bytes.hasRemaining()) {
                channel.write(bytes);
            }
            steps.after("manifest written");
            channel.force(true);
        }
        steps.after("manifest forced");
        Files.move(fresh, path.resolve(MANIFEST), StandardCopyOption.ATOMIC_MOVE);
        steps.after("manifest renamed");
        Directories.force(path);
        steps.after("commit forced");
    }

    /** Deletes files of segments; those that are not there are passed over. */
    void delete(Iterable<Long> numbers) throws IOException {
        for (long number : numbers) {
            Files.deleteIfExists(segment(number));
            steps.after("segment deleted");
        }
    }

    /** Lets others open the directory. */
    @Override
    public void close() {
        lock.close();
    }
}
