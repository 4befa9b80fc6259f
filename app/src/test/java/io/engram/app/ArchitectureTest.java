package io.engram.app;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noFields;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.apache.kafka.common.annotation.InterfaceAudience;

/** The arrows: app → topology → {schemas, index}. */
@AnalyzeClasses(packages = "io.engram", importOptions = ImportOption.DoNotIncludeTests.class)
class ArchitectureTest {
    @ArchTest
    static final ArchRule SCHEMAS_KNOW_NOBODY = noClasses()
            .that()
            .resideInAPackage("io.engram.schemas..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage("io.engram.index..", "io.engram.topology..", "io.engram.app..", "org.apache.kafka..");

    @ArchTest
    static final ArchRule INDEX_KNOWS_NO_KAFKA = noClasses()
            .that()
            .resideInAPackage("io.engram.index..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage("io.engram.schemas..", "io.engram.topology..", "io.engram.app..", "org.apache.kafka..");

    @ArchTest
    static final ArchRule TOPOLOGY_KNOWS_NO_APP = noClasses()
            .that()
            .resideInAPackage("io.engram.topology..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage("io.engram.app..", "io.javalin..", "picocli..");

    @ArchTest
    static final ArchRule ENGINES_DO_NOT_KNOW_EACH_OTHER =
            slices().matching("io.engram.index.(*)..").should().notDependOnEachOther();

    @ArchTest
    static final ArchRule ONLY_ENGINES_KNOW_THEIR_LIBRARY = noClasses()
            .that()
            .resideOutsideOfPackage("io.engram.index.hnswlib..")
            .should()
            .dependOnClassesThat()
            .resideInAPackage("com.github.jelmerk..");

    @ArchTest
    static final ArchRule ONLY_THE_EMBEDDED_BROKER_KNOWS_THE_SERVER = noClasses()
            .that()
            .doNotHaveSimpleName("EmbeddedKafka")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage("kafka..", "org.apache.kafka.server..", "org.apache.kafka.metadata..");

    @ArchTest
    static final ArchRule PACKAGES_OF_THE_APPLICATION_ARE_FREE_OF_CYCLES =
            slices().matching("io.engram.app.(*)..").should().beFreeOfCycles();

    @ArchTest
    static final ArchRule PACKAGES_OF_THE_TOPOLOGY_ARE_FREE_OF_CYCLES =
            slices().matching("io.engram.topology.(*)..").should().beFreeOfCycles();

    /** Who uses what Kafka does not call public, and why it has to. */
    private static final Map<String, String> BEYOND_THE_PUBLIC_API_OF_KAFKA = Map.of(
            "io.engram.app.kafka.EmbeddedKafka",
            "runs a broker in this process, for which Kafka has no public class",
            "io.engram.app.kafka.NativeCodecs",
            "uses each codec before the first record of a client does; the public clients only do so with records",
            "io.engram.topology.SpacePartitioner",
            "must hash as the producers do, and Kafka's own hash is the only one that is always theirs",
            "io.engram.topology.store.SessionRocks",
            "lets nobody in once it is sealed, restored records neither, which come in batches by an internal callback",
            "io.engram.topology.store.IndexedStore",
            "takes restored records in batches with their offsets, which only an internal callback gives",
            "io.engram.topology.store.SourceRecords",
            "lets go of records that Streams keeps with each entry of its cache, which no public method does");

    private static final DescribedPredicate<JavaClass> NOT_PUBLIC_IN_KAFKA =
            DescribedPredicate.describe("that Kafka does not call public", type -> {
                JavaClass component = type.getBaseComponentType();
                JavaClass outermost = outermost(component);
                return outermost.getPackageName().startsWith("org.apache.kafka.")
                        && (!outermost.isAnnotatedWith(InterfaceAudience.Public.class)
                                || component.getName().contains("Internal"));
            });

    private static JavaClass outermost(JavaClass type) {
        return type.getEnclosingClass().map(ArchitectureTest::outermost).orElse(type);
    }

    private static boolean goesBeyond(JavaClass type) {
        return BEYOND_THE_PUBLIC_API_OF_KAFKA.containsKey(outermost(type).getName());
    }

    @ArchTest
    static final ArchRule ONLY_SOME_GO_BEYOND_THE_PUBLIC_API_OF_KAFKA = noClasses()
            .that(DescribedPredicate.describe("are not on the list", type -> !goesBeyond(type)))
            .should()
            .dependOnClassesThat(NOT_PUBLIC_IN_KAFKA);

    @ArchTest
    static void shouldListNobodyWhoKeepsToThePublicApiOfKafka(JavaClasses classes) {
        Set<String> beyond = classes.stream()
                .filter(ArchitectureTest::goesBeyond)
                .filter(type -> type.getDirectDependenciesFromSelf().stream()
                        .anyMatch(dependency -> NOT_PUBLIC_IN_KAFKA.test(dependency.getTargetClass())))
                .map(type -> outermost(type).getName())
                .collect(Collectors.toSet());
        assertThat(beyond).isEqualTo(BEYOND_THE_PUBLIC_API_OF_KAFKA.keySet());
    }

    @ArchTest
    static final ArchRule NO_STATIC_MUTABLE_STATE =
            noFields().that().areStatic().should().notBeFinal().because("tests and instances share a JVM");

    // Text blocks are put together with formatted(), which has no variant with a locale: Main sets the root locale for
    // it.
    @ArchTest
    static final ArchRule NOTHING_DEPENDS_ON_WHERE_IT_RUNS = noClasses()
            .should()
            .callMethod(String.class, "toLowerCase")
            .orShould()
            .callMethod(String.class, "toUpperCase")
            .orShould()
            .callMethod(String.class, "format", String.class, Object[].class)
            .orShould()
            .callMethod(PrintStream.class, "printf", String.class, Object[].class)
            .orShould()
            .callMethod(PrintWriter.class, "printf", String.class, Object[].class)
            .orShould()
            .callMethod(String.class, "getBytes")
            .orShould()
            .callConstructor(String.class, byte[].class)
            .orShould()
            .callConstructor(InputStreamReader.class, InputStream.class)
            .because("a Turkish, Arabic or ASCII machine must read and write what others do");

    @ArchTest
    static final ArchRule EXCEPTIONS_ARE_NAMED_SO =
            classes().that().areAssignableTo(Exception.class).should().haveSimpleNameEndingWith("Exception");
}
