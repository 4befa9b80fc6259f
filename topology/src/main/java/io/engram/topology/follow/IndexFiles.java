package io.engram.topology.follow;

import java.io.IOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The files of the indexes of one task:
 *
 * <pre>
 * hnsw/0_3/store.identity                          of the store that they follow, and its epoch
 *         /notes-0643ac7b-000000000000012c/        index of a space that became large with generation 300
 *         /agents-abf72a1e-00000000000035f1/
 * </pre>
 *
 * The hash keeps apart what a file system that ignores case would not; the generation keeps apart what a space was before it
 * was dropped. Thread-safe.
 */
public final class IndexFiles {
    private static final Logger LOG = LoggerFactory.getLogger(IndexFiles.class);

    private final Path directory;

    /**
     * @param directory of the task; made when it is needed
     */
    public IndexFiles(Path directory) {
        this.directory = directory;
    }

    public Path directory() {
        return directory;
    }

    /** The file that says which store the indexes follow. */
    public Path identity() {
        return directory.resolve("store.identity");
    }

    /** The directory of a space's index. */
    public Path of(String space, long largeSince) {
        return directory.resolve(space + String.format(Locale.ROOT, "-%08x-%016x", space.hashCode(), largeSince));
    }

    /** The directories of indexes that are there. */
    List<Path> indexes() throws IOException {
        try (Stream<Path> paths = Files.list(directory)) {
            return paths.filter(Files::isDirectory).sorted().toList();
        } catch (NoSuchFileException e) {
            return List.of();
        }
    }

    /** Deletes an index with all its files; what cannot be deleted is said in the log, and tried again at the next start. */
    public static void delete(Path index) {
        try {
            Files.walkFileTree(index, new SimpleFileVisitor<>() {
                @Override
                public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) throws IOException {
                    Files.deleteIfExists(file);
                    return FileVisitResult.CONTINUE;
                }

                @Override
                public FileVisitResult postVisitDirectory(Path directory, IOException failure) throws IOException {
                    Files.deleteIfExists(directory);
                    return FileVisitResult.CONTINUE;
                }
            });
        } catch (NoSuchFileException e) {
            LOG.debug("{} is gone already", index, e);
        } catch (IOException e) {
            LOG.warn("Cannot delete {}: {}", index, e.toString());
        }
    }

    /** Bytes of the files of an index; 0 when there are none. */
    static long bytes(Path index) {
        long bytes = 0;
        try (Stream<Path> files = Files.list(index)) {
            for (Path file : (Iterable<Path>) files::iterator) {
                bytes += Files.size(file);
            }
        } catch (IOException e) {
            LOG.debug("{} changes while it is measured", index, e);
        }
        return bytes;
    }
}
