// SPDX-License-Identifier: MIT
/*
 * The system's words for an error, for texts that say why something failed.
 */
#ifndef DH_HOST_CAUSE_H
#define DH_HOST_CAUSE_H

// Longest text, with its NUL.
#define DH_CAUSE_TEXT_SIZE 96

// Writes the text of an errno ("Connection refused") and returns it.
const char *dh_cause_text(int number, char text[DH_CAUSE_TEXT_SIZE]);

#endif
