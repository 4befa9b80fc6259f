package io.engram.benchmarks.endtoend;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** A wall clock that is ahead, for processes that are started with it: by libfaketime, which has to be installed. */
final class MovedClock {
    private static final String LIBRARY = "libfaketimeMT.so.1";
    private static final List<Path> DIRECTORIES = List.of(
            Path.of("/usr/lib/x86_64-linux-gnu/faketime"),
            Path.of("/usr/lib/aarch64-linux-gnu/faketime"),
            Path.of("/usr/lib64/faketime"),
            Path.of("/usr/lib/faketime"),
            Path.of("/usr/local/lib/faketime"));

    private final Path library;
    private final Duration ahead;

    private MovedClock(Path library, Duration ahead) {
        this.library = library;
        this.ahead = ahead;
    }

    /** A clock that is ahead by so much; empty where libfaketime is not installed. */
    static Optional<MovedClock> ahead(Duration ahead) {
        return DIRECTORIES.stream()
                .map(directory -> directory.resolve(LIBRARY))
                .filter(Files::exists)
                .findFirst()
                .map(library -> new MovedClock(library, ahead));
    }

    /** Variables of a process that goes by it; its monotonic clock stays as it is. */
    Map<String, String> environment() {
        return Map.of(
                "LD_PRELOAD",
                library.toString(),
                "FAKETIME",
                "+" + ahead.toSeconds() + "s",
                "FAKETIME_DONT_FAKE_MONOTONIC",
                "1",
                // Else it changes how long a thread waits for a condition: those of the JVM then wake all the time.
                "FAKETIME_FORCE_MONOTONIC_FIX",
                "0");
    }
}
