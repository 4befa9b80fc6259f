package io.engram.index;

import java.io.IOException;
import java.nio.file.Path;

/** A directory cannot be opened because an index in it is open already. Nothing is wrong with its files. */
public final class IndexInUseException extends IOException {
    private static final long serialVersionUID = 1;

    /**
     * @param directory of the index
     * @param by whom it is open, and what to do
     */
    IndexInUseException(Path directory, String by) {
        super(directory + ": the index in this directory is open already, " + by);
    }
}
