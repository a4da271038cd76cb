#!/bin/sh
# tools/train-text-embedding.sh - make the file of word vectors that the worker text_embedding reads
#
#   train-text-embedding.sh [--wordnet FOLDER] [--fasttext PROGRAM] [--make PROGRAM] FILE
#   train-text-embedding.sh --corpus TEXT ... FILE    of a text of your own, one per line
#
# Of each of WordNet's 117 659 meanings there is one line: the words for it, and its gloss with
# the examples. fastText learns from them which words are used alike (skip-gram), on one thread,
# so that the same text gives the same vectors: more threads would be faster, and give others
# each time. The file then takes FILE's place; until it is complete, what was there stays.
#
# The build does this when it finds fastText and WordNet (option `embeddings`).

set -eu

wordnet=/usr/share/wordnet
fasttext=fasttext
make=${0%/*}/troupe-make-word-vectors
corpus=
while [ $# -gt 1 ]; do
    case $1 in
    --wordnet) wordnet=$2 ;;
    --fasttext) fasttext=$2 ;;
    --make) make=$2 ;;
    --corpus) corpus=$2 ;;
    *) break ;;
    esac
    shift 2
done
if [ $# != 1 ]; then
    echo "usage: ${0##*/} [--wordnet FOLDER] [--fasttext PROGRAM] [--make PROGRAM]" \
        "[--corpus TEXT] FILE" >&2
    exit 2
fi
file=$1

folder=$(mktemp -d "${TMPDIR:-/tmp}/troupe-train.XXXXXX")
trap 'rm -rf "$folder"' EXIT
trap 'exit 1' HUP INT TERM

# A line of WordNet (wndb(5WN)): offset, file, part of speech, number of words in hexadecimal,
# each word and its number; what is related to it; | and the gloss.
write_corpus() {
    awk '
        BEGIN {
            for (i = 0; i < 16; i++)
                digit[substr("0123456789abcdef", i + 1, 1)] = i
        }
        /^ / { next }
        {
            n_words = 16 * digit[substr($4, 1, 1)] + digit[substr($4, 2, 1)]
            text = ""
            for (i = 0; i < n_words; i++) {
                word = $(5 + 2 * i)
                sub(/\([a-z]+\)$/, "", word)
                text = text " " word
            }
            text = tolower(text " " substr($0, index($0, " | ") + 3))
            gsub(/[^a-z0-9]+/, " ", text)
            print text
        }
    ' "$wordnet/data.noun" "$wordnet/data.verb" "$wordnet/data.adj" "$wordnet/data.adv"
}

if [ -z "$corpus" ]; then
    corpus=$folder/corpus
    write_corpus >"$corpus"
fi

"$fasttext" skipgram -input "$corpus" -output "$folder/trained" \
    -dim 64 -epoch 3 -lr 0.1 -minCount 2 -maxn 0 -ws 5 -neg 5 -thread 1 -seed 1 -verbose 0
"$make" "$folder/trained.vec" "$corpus" "$file"
