package io.engram.index;

import java.io.IOException;
import java.nio.file.Path;

/**
 * A file of an index is not what was written: damaged, of another version or of other parameters. What it held is to be built
 * anew from the store.
 */
public final class DamagedIndexException extends IOException {
    private static final long serialVersionUID = 1;

    private final transient Path file;
    private final String section;

    /**
     * @param file that is damaged
     * @param section of the file, as its layout names it
     * @param what is wrong, and what was expected
     * @param remedy what to do, as a sentence
     */
    public DamagedIndexException(Path file, String section, String what, String remedy) {
        super(file + ": " + section + ": " + what + ". " + remedy);
        this.file = file;
        this.section = section;
    }

    public Path file() {
        return file;
    }

    public String section() {
        return section;
    }
}
