package io.engram.app.it;

import static org.assertj.core.api.Assertions.fail;
import static org.junit.jupiter.api.Assumptions.abort;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * A file system in memory that is as small as a test wants it. The test is left out where the system does not let this
 * process mount anything, which no installed program would change: without root, and in a container without {@code
 * CAP_SYS_ADMIN}. It fails where mounting fails for any other reason.
 */
final class SmallDisk implements AutoCloseable {
    private static final byte[] BLOCK = new byte[4 << 10];

    // As mount and busybox say it of EPERM and EACCES.
    private static final Pattern MAY_NOT =
            Pattern.compile("permission denied|not permitted|superuser|are you root", Pattern.CASE_INSENSITIVE);

    private final Path directory;
    private final Path filler;

    private SmallDisk(Path directory) {
        this.directory = directory;
        this.filler = directory.resolve("filler");
    }

    /** @param options as of {@code mount -t tmpfs -o}, such as {@code size=48m} */
    static SmallDisk mount(Path parent, String options) throws IOException, InterruptedException {
        Path directory = Files.createDirectories(parent.resolve("disk"));
        Optional<String> refused = run("mount", "-t", "tmpfs", "-o", options, "none", directory.toString());
        if (refused.filter(words -> MAY_NOT.matcher(words).find()).isPresent()) {
            abort("this process may not mount a tmpfs: " + refused.get());
        }
        refused.ifPresent(words -> fail("cannot mount a tmpfs with " + options + ": " + words));
        return new SmallDisk(directory);
    }

    /** What a command said that failed; empty when it did not. */
    private static Optional<String> run(String... command) throws IOException, InterruptedException {
        ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
        builder.environment().put("LC_ALL", "C");
        Process process = builder.start();
        String words = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        return process.waitFor() == 0 ? Optional.empty() : Optional.of(words.trim());
    }

    void remount(String options) throws IOException, InterruptedException {
        run("mount", "-o", "remount," + options, directory.toString())
                .ifPresent(words -> fail("cannot mount " + directory + " anew with " + options + ": " + words));
    }

    Path stateDir() {
        return directory.resolve("state");
    }

    long freeBytes() throws IOException {
        return Files.getFileStore(directory).getUsableSpace();
    }

    /** Somebody else's file grows until it has taken all but that. */
    void fillBut(long bytes) throws IOException {
        try (OutputStream out = Files.newOutputStream(filler, StandardOpenOption.CREATE, StandardOpenOption.APPEND)) {
            for (long left = freeBytes() - bytes; left >= BLOCK.length; left -= BLOCK.length) {
                out.write(BLOCK);
            }
        }
    }

    /** Somebody else's files take every inode. */
    List<Path> takeInodes() throws IOException {
        List<Path> files = new ArrayList<>();
        try {
            while (files.size() < 10_000) {
                files.add(Files.createFile(directory.resolve("inode-" + files.size())));
            }
            return fail("inodes without end");
        } catch (FileSystemException e) {
            return files; // there are no more
        }
    }

    void makeRoom() throws IOException {
        Files.delete(filler);
    }

    @Override
    public void close() throws IOException {
        try {
            run("umount", "--lazy", directory.toString());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
