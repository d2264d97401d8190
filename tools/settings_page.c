// SPDX-License-Identifier: MIT
/*
 * Writes docs/settings.md, the reference of all settings, from the table that
 * the library itself uses. `cmake --build --preset release --target
 * settings-page-update` writes it; a test compares it with what is committed.
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <dohle/config.h>

struct section {
    const char *title;
    const char *text;
    int status;       // enum dohle_config_status
    unsigned objects; // exactly these; 0: any
};

static const struct section sections[] = {
    {"All clients", "For consumers, producers and admin clients.", DOHLE_CONFIG_BUILT,
     DOHLE_CONFIG_CONSUMER | DOHLE_CONFIG_PRODUCER | DOHLE_CONFIG_ADMIN},
    {"Consumer and admin", "", DOHLE_CONFIG_BUILT,
     DOHLE_CONFIG_CONSUMER | DOHLE_CONFIG_ADMIN},
    {"Consumer", "", DOHLE_CONFIG_BUILT, DOHLE_CONFIG_CONSUMER},
    {"Producer", "", DOHLE_CONFIG_BUILT, DOHLE_CONFIG_PRODUCER},
    {"Known, but not built yet",
     "Opening anything with one of these set to other than its default fails with "
     "`DOHLE_ERR_UNSUPPORTED_CONFIG`\nand names the key.",
     DOHLE_CONFIG_NOT_BUILT, 0},
    {"Of the Java clients only",
     "These name classes or parts of a Java virtual machine, and are refused like those "
     "above.",
     DOHLE_CONFIG_NOT_APPLICABLE, 0},
};

// Markdown would take these for its own.
static void print_escaped(const char *text)
{
    for (; *text != '\0'; text++) {
        switch (*text) {
        case '<': fputs("&lt;", stdout); break;
        case '>': fputs("&gt;", stdout); break;
        case '|': fputs("\\|", stdout); break;
        case '*': fputs("\\*", stdout); break;
        default: putchar(*text); break;
        }
    }
}

static const char *type_name(int type)
{
    switch ((enum dohle_config_type)type) {
    case DOHLE_CONFIG_INT: return "int";
    case DOHLE_CONFIG_LONG: return "long";
    case DOHLE_CONFIG_DOUBLE: return "double";
    case DOHLE_CONFIG_BOOL: return "bool";
    case DOHLE_CONFIG_STRING: return "string";
    case DOHLE_CONFIG_ENUM: return "word";
    case DOHLE_CONFIG_LIST: return "list";
    case DOHLE_CONFIG_PASSWORD: return "password";
    case DOHLE_CONFIG_CLASS: return "class";
    }
    return "";
}

// The packages of Java's classes would make the table too wide to read.
static void print_default(const dohle_config_key *key)
{
    static const char package[] = "org.apache.kafka.";
    const char *text = key->default_value;
    if (text == NULL) {
        fputs("none", stdout);
    } else if (text[0] == '\0') {
        fputs("empty", stdout);
    } else if (strncmp(text, package, strlen(package)) == 0) {
        fputs(strcmp(key->name, "partition.assignment.strategy") == 0
                  ? "range, cooperative-sticky"
                  : "Java's own",
              stdout);
    } else {
        printf("`%s`", text);
    }
}

static void print_row(const dohle_config_key *key)
{
    printf("| `%s` | %s | ", key->name, type_name(key->type));
    print_default(key);
    fputs(" | ", stdout);
    print_escaped(key->allowed);
    fputs(" | ", stdout);
    print_escaped(key->doc);
    if (key->not_built[0] != '\0') {
        // Each name once: the short ones come first, then Java's.
        const char *classes = strstr(key->not_built, ", org.apache.kafka.");
        char words[256];
        snprintf(words, sizeof(words), "%.*s",
                 classes == NULL ? (int)strlen(key->not_built)
                                 : (int)(classes - key->not_built),
                 key->not_built);
        fputs(" Not built yet: ", stdout);
        print_escaped(words);
        putchar('.');
    }
    if (key->protocols == DOHLE_CONFIG_CLASSIC) {
        fputs(" Only with `group.protocol=classic`.", stdout);
    } else if (key->protocols == DOHLE_CONFIG_KIP_848) {
        fputs(" Only with `group.protocol=consumer`.", stdout);
    } else if (key->protocols == DOHLE_CONFIG_SHARE) {
        fputs(" Only for share groups.", stdout);
    }
    if (key->aliases[0] != '\0') {
        printf(" Also: `%s`.", key->aliases);
    }
    puts(" |");
}

// Returns how many keys it has.
static size_t print_section(const struct section *section)
{
    size_t count = 0;
    printf("\n## %s\n\n", section->title);
    if (section->text[0] != '\0') {
        printf("%s\n\n", section->text);
    }
    puts("| key | type | default | allowed | |\n| --- | --- | --- | --- | --- |");
    for (size_t i = 0; i < dohle_config_key_count(); i++) {
        dohle_config_key key;
        bool is_listed = dohle_config_key_info(i, &key) == 0 &&
                         key.status == section->status &&
                         (section->objects == 0 || key.objects == section->objects);
        if (is_listed) {
            print_row(&key);
            count++;
        }
    }
    return count;
}

int main(void)
{
    puts("# Settings\n\n"
         "<!-- Written by tools/settings_page.c. Do not edit. -->\n\n"
         "Names, types, defaults and allowed values are those of Apache Kafka 4.4's Java "
         "clients. librdkafka's names are\n"
         "accepted for the same keys (\"also\"). A value is checked when it is set; what "
         "depends on other keys is checked when\n"
         "something is opened. An unknown name is an error, and so is one that is not "
         "built yet: no key is accepted and\n"
         "then ignored, except that each of consumer, producer and admin client passes "
         "over the keys of the others.");
    size_t count = 0;
    for (size_t i = 0; i < sizeof(sections) / sizeof(sections[0]); i++) {
        count += print_section(&sections[i]);
    }
    // A key that belongs nowhere is a fault of the sections.
    return count == dohle_config_key_count() ? 0 : 1;
}
