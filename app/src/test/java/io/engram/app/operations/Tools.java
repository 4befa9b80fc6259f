package io.engram.app.operations;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;
import static org.junit.jupiter.api.Assumptions.abort;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * Programs that operators use, run as they run them. A machine that has only a JDK goes without these tests; where
 * {@code REQUIRE_TOOLS} is set, as in CI, a missing program is a failure.
 */
final class Tools {
    private Tools() {}

    /** The root of the project. */
    static Path project() {
        return Path.of("").toAbsolutePath().getParent();
    }

    static String read(String file) {
        try {
            return Files.readString(project().resolve(file));
        } catch (IOException e) {
            return fail("cannot read " + file, e);
        }
    }

    /** All files below a directory of the project whose names end so, in order. */
    static List<Path> files(String directory, String suffix) {
        try (Stream<Path> walk = Files.walk(project().resolve(directory))) {
            List<Path> files = walk.filter(Files::isRegularFile)
                    .filter(file -> file.toString().endsWith(suffix))
                    .sorted()
                    .toList();
            assertThat(files).as(directory + "/**" + suffix).isNotEmpty();
            return files;
        } catch (IOException e) {
            return fail("cannot list " + directory, e);
        }
    }

    /** Ends the test when a program is missing: as failed where programs are required, as not run elsewhere. */
    static void require(String... programs) {
        for (String program : programs) {
            requireThat(isOnPath(program), program + " on the PATH");
        }
    }

    private static boolean isOnPath(String program) {
        return Arrays.stream(System.getenv("PATH").split(File.pathSeparator))
                .anyMatch(directory -> Files.isExecutable(Path.of(directory, program)));
    }

    /** The first of several names of one program that is on the PATH; see {@link #require}. */
    static String requireOneOf(String... names) {
        Optional<String> found = Arrays.stream(names).filter(Tools::isOnPath).findFirst();
        requireThat(found.isPresent(), String.join(" or ", names) + " on the PATH");
        return found.orElseThrow();
    }

    /** As {@link #require}, for something that was looked for already. */
    static void requireThat(boolean found, String what) {
        if (!found && System.getenv("REQUIRE_TOOLS") != null) {
            fail("there is no " + what + ", and REQUIRE_TOOLS is set");
        }
        if (!found) {
            abort("there is no " + what);
        }
    }

    /** True when a command ends with 0. */
    static boolean succeeds(String... command) throws IOException, InterruptedException {
        return new ProcessBuilder(command)
                        .redirectErrorStream(true)
                        .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                        .start()
                        .waitFor()
                == 0;
    }

    /** Runs a program in a directory; returns what it printed, after checking that it succeeded. */
    static String run(Path directory, String... command) throws IOException, InterruptedException {
        Process process = new ProcessBuilder(command)
                .directory(directory.toFile())
                .redirectErrorStream(true)
                .start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor())
                .as(String.join(" ", command) + "\n" + output)
                .isZero();
        return output;
    }
}
