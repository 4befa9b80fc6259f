package io.engram.app.lifecycle;

import java.io.IOException;
import java.util.Objects;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.apache.kafka.streams.errors.ProcessorStateException;
import org.rocksdb.RocksDBException;
import org.rocksdb.Status;

/** Tells failures of the disk under the stores from others. */
final class DiskFailure {
    private static final int MAX_DEPTH = 20;
    private static final Pattern NOT_WRITABLE =
            Pattern.compile("No space left on device|Disk quota exceeded|Read-only file system");

    private DiskFailure() {}

    private static Stream<Throwable> causes(Throwable failure) {
        return Stream.iterate(failure, Objects::nonNull, Throwable::getCause).limit(MAX_DEPTH);
    }

    /** True when a store's files may have something to do with it; the disk itself tells whether they have. */
    static boolean mayBe(Throwable failure) {
        return causes(failure)
                .anyMatch(cause -> cause instanceof ProcessorStateException
                        || cause instanceof RocksDBException
                        || cause instanceof IOException);
    }

    /** The words of a disk that took no more, though there may be room again by now; empty for other failures. */
    static Optional<String> of(Throwable failure) {
        return causes(failure)
                .filter(DiskFailure::isOfDisk)
                .map(cause -> String.valueOf(cause.getMessage()))
                .findFirst();
    }

    private static boolean isOfDisk(Throwable cause) {
        return cause instanceof RocksDBException rocks && isNoSpace(rocks.getStatus())
                || (cause instanceof RocksDBException || cause instanceof IOException)
                        && NOT_WRITABLE
                                .matcher(String.valueOf(cause.getMessage()))
                                .find();
    }

    private static boolean isNoSpace(Status status) {
        return status != null && status.getSubCode() == Status.SubCode.NoSpace;
    }
}
