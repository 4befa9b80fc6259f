package io.engram.topology.follow;

import java.io.IOException;
import java.nio.file.Path;

/** A snapshot file that cannot be used; the message names the file and the reason. */
public final class SnapshotException extends IOException {
    private static final long serialVersionUID = 1L;

    public SnapshotException(Path file, String reason) {
        super(file + ": " + reason);
    }

    public SnapshotException(Path file, String reason, Throwable cause) {
        super(file + ": " + reason, cause);
    }
}
