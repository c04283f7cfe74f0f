#!/bin/sh
# Kiểm tra một tệp bằng chứng (.asice) chỉ bằng công cụ phổ biến; không cần phần mềm của trục liên thông.
# Verifies a container of evidence (.asice) by public tools alone: unzip, openssl 3, sha256sum, xmlsec1. Nothing of the hub is needed.
#
#   sh verify.sh FILE.asice|FOLDER [ANCHORS.pem]
# FOLDER: the container, unpacked. ANCHORS.pem: certificates of the authorities that you trust.
# A script that comes inside what it verifies proves nothing: take it from the hub's own source, or read it first.
# Each line printed is one check: OK, FAILED, or SKIPPED where the bytes were left out or a tool is missing. Ends with 1 after a FAILED.
set -u; LC_ALL=C; export LC_ALL
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
anchors=${2:-}
[ -z "$anchors" ] || anchors=$(realpath "$anchors") || exit 2
if [ -d "${1:-.}" ]; then cd "${1:-.}" || exit 2; else
  [ "$(head -c 69 "$1" | tail -c 39)" = "mimetypeapplication/vnd.etsi.asic-e+zip" ] || { echo "FAILED the file is no ASiC-E container"; exit 1; }
  unzip -qq "$1" -d "$work/opened" || { echo "FAILED the container cannot be unpacked"; exit 1; }
  cd "$work/opened" || exit 2
fi
failed=0; tab=$(printf '\t')
say() { [ "$1" != FAILED ] || failed=1; printf '%-8s%s\n' "$1" "$2"; } # result, words: print one check
holds() { # words, command...: run one check
  words=$1; shift
  if "$@" >/dev/null 2>&1; then say OK "$words"; else say FAILED "$words"; fi
}
sum() { sha256sum "$1" | cut -c1-64; }
octets() { tr a-f A-F | basenc --base16 -d; } # hex to octets
public_key() { openssl x509 -in "$1" -noout -pubkey >"$work/key.pem" && echo "$work/key.pem"; }
hash() { case "$1" in sha1|sha256|sha384|sha512) echo "-$1" ;; *) echo "-not-a-hash" ;; esac; } # any other word is an option
padding() { [ "$1" != pss ] || echo "-sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:digest"; }

# --- the container: manifests, seal, time token ---
objects() { # manifest: one "digest path" a line
  sed -n 's|^<asic:DataObjectReference URI="\([^"]*\)".*<ds:DigestValue>\([^<]*\)</ds:DigestValue>.*|\2 \1|p' "$1"
}
manifest() { # manifest, words: every object that it names is there, with that digest
  bad=0; objects "$1" >"$work/objects"
  while read -r digest path; do
    [ "$(openssl dgst -sha256 -binary "./$path" 2>/dev/null | openssl base64 -A)" = "$digest" ] || { bad=1; say FAILED "$path is not what $1 says"; }
  done <"$work/objects"
  [ $bad = 1 ] || holds "$2" [ -s "$work/objects" ]
}
covered() { # nothing is there that the manifest does not name, or that was left out and put back
  sed -n "s|^left_out$tab\([^$tab]*\)$tab.*|./\1|p" checks.tsv >"$work/left"
  { objects META-INF/ASiCManifest001.xml | cut -d' ' -f2; echo mimetype; } | sed 's|^|./|' | sort >"$work/named"
  [ -z "$(find . ! -type f ! -type d)" ] && find . -type f ! -path './META-INF/*' | grep -vxF -f "$work/left" | sort | cmp -s - "$work/named"
}
sealed() { # arguments: how the signer's certificate is to be judged
  openssl cms -verify -binary -inform DER -in META-INF/signature001.p7s -content META-INF/ASiCManifest001.xml \
    -signer "$work/signer.pem" -out /dev/null "$@"
}
stamped() { # arguments: how the authority's certificate is to be judged
  openssl ts -verify -data META-INF/ASiCArchiveManifest.xml -in META-INF/timestamp001.tst -token_in "$@"
}
certificates_of() { openssl pkcs7 -inform DER -in "$1" -print_certs >"$work/certificates.pem" 2>/dev/null; }
manifest META-INF/ASiCManifest001.xml "every file is what the manifest says"
holds "nothing is here that the manifest does not name" covered
holds "the seal META-INF/signature001.p7s is over the manifest" sealed -noverify
echo "        $(openssl x509 -in "$work/signer.pem" -noout -subject -issuer -serial 2>/dev/null | tr '\n' ' ')"
moment=$(date +%s)
stamped=$(grep -c '^  "stamped": true,*$' evidence.json)
if [ "$stamped" = 1 ] || [ -f META-INF/timestamp001.tst ] || [ -f META-INF/ASiCArchiveManifest.xml ]; then
  certificates_of META-INF/timestamp001.tst
  manifest META-INF/ASiCArchiveManifest.xml "every file is what the archive manifest says"
  holds "the archive manifest names the seal" grep -q 'Reference URI="META-INF/signature001.p7s"' META-INF/ASiCArchiveManifest.xml
  holds "the time token is over the archive manifest" stamped -CAfile "$work/certificates.pem" -partial_chain -no_check_time
  told=$(openssl ts -reply -in META-INF/timestamp001.tst -token_in -text 2>/dev/null | sed -n 's/^Time stamp: //p')
  echo "        $told"
  moment=$(date -d "$told" +%s 2>/dev/null || date +%s)
fi
if [ -n "$anchors" ]; then
  certificates_of META-INF/signature001.p7s
  holds "the seal's certificate leads to one of your anchors" sealed -cades -CAfile "$anchors" -partial_chain -purpose any -attime "$moment"
  [ ! -f META-INF/timestamp001.tst ] || holds "the time token's certificate leads to one of your anchors" \
    stamped -CAfile "$anchors" -partial_chain -no_check_time
else say SKIPPED "whether these signers can be trusted: no anchors were given"; fi

# --- what is inside: one function for each kind of line in checks.tsv ---
present() { # words, path...: say so where bytes were left out
  words=$1; shift
  for path in "$@"; do [ -e "$path" ] || { say SKIPPED "$words: $path was left out"; return 1; }; done
}
xml() { # document certificate moment attribute element: only this certificate's key counts, not one that came along
  words="the XML signature in $1 fits $2" document=$1 certificate=$2
  present "$words" "$1" || return
  command -v xmlsec1 >/dev/null || { say SKIPPED "$words: xmlsec1 is not installed"; return; }
  if [ "$4" = - ]; then set --; else set -- "--id-attr:$4" "$5"; fi
  holds "$words" xmlsec1 --verify "$@" --enabled-key-data key-name --pubkey-cert-pem "$certificate" "$document"
}
signed_info() { # info value certificate hash padding: what the key really signed holds the digest of the content
  holds "the signature value fits $1 and $3" \
    openssl dgst "$(hash "$4")" $(padding "$5") -verify "$(public_key "$3")" -signature "$2" "$1"
}
signed_part() { # part info hash base64: the digest of the content is the one that was signed
  if [ -e "$1" ]; then digest=$(openssl dgst "$(hash "$3")" -binary "$1" | openssl base64 -A)
  elif [ "$3" = sha256 ]; then digest=$(grep -F "  $1" SHA256SUMS | head -n 1 | cut -c1-64 | octets | openssl base64 -A)
  else say SKIPPED "$1 is what was signed: it was left out"; return; fi
  holds "$1 is what was signed" sh -c '[ "$1" = "$2" ] && grep -qF ">$2<" "$3"' - "$digest" "$4" "$2"
}
jws() { # document protected signature certificate hash padding (RFC 7797: header, a dot, the bytes as they are)
  present "the JWS over $1 fits $4" "$1" || return
  { cat "$2"; printf .; cat "$1"; } >"$work/signed"
  holds "the JWS over $1 fits $4" openssl dgst "$(hash "$5")" $(padding "$6") -verify "$(public_key "$4")" -signature "$3" "$work/signed"
}
fingerprint() { # certificate sha256
  holds "$1 is the certificate that the verdict names" \
    sh -c '[ "$(openssl x509 -in "$1" -outform DER | openssl dgst -sha256 -r | cut -c1-64)" = "$2" ]' - "$1" "$2"
}
trusted() { # certificate anchors moment strength: as the hub trusted on reception
  level=1; [ "$4" != weak ] || level=0
  holds "$1 was trusted (by $2) at the moment of reception" \
    openssl verify -partial_chain -auth_level "$level" -attime "$3" -CAfile "$2" "$1"
}
chain() { # folder rows last: each row of the journal ends with the hash of the row before
  previous=0000000000000000000000000000000000000000000000000000000000000000; count=0
  for row in "$1"/*.json; do
    grep -q "\"$previous\"\]\$" "$row" || { say FAILED "$row does not follow the row before it"; return; }
    previous=$(sum "$row"); count=$((count + 1))
  done
  holds "the journal $1 is whole" [ "$previous $count" = "$3 $2" ]
}
told() { # path sha256 row: the journal named these bytes when they were recorded
  [ ! -e "$1" ] || [ "$(sum "$1")" = "$2" ] || { say FAILED "$1 is not what the ledger recorded"; return; }
  holds "$1 is named in $3" grep -qF "sha256:$2" "$3"
}
merkle() { # row leaf path root: the row's hash is in the leaf, and the leaf is below the root (RFC 9162 2.1)
  grep -q ",\"$(sum "$1")\"\]\$" "$2" || { say FAILED "$2 is not about $1"; return; }
  node=$({ printf '\000'; cat "$2"; } | sha256sum | cut -c1-64)
  while read -r side beside; do
    if [ "$side" = left ]; then pair=$beside$node; else pair=$node$beside; fi
    node=$(printf '01%s' "$pair" | octets | sha256sum | cut -c1-64)
  done <"$3"
  holds "$1 is below the ledger's seal $4" [ "$node" = "$4" ]
}
stamped_root() { # token root: an authority says when the root was there
  certificates_of "$1"
  holds "the time token $1 is over the seal $2" openssl ts -verify -digest "$2" -in "$1" -token_in \
    -CAfile "${anchors:-$work/certificates.pem}" -partial_chain -no_check_time
}
left_out() { # path sha256 why: only the digest is here
  if [ ! -e "$1" ]; then say SKIPPED "$1 was left out ($3); SHA-256 $2"; else holds "$1 was put back" [ "$(sum "$1")" = "$2" ]; fi
}
kinds=" xml signed_info signed_part jws fingerprint trusted chain told merkle stamped_root left_out "
while IFS="$tab" read -r kind words; do
  case "$kind$tab$words" in *"$tab-"[!"$tab"]*|*" "*"$tab"*) kind="a blank, or a word that a tool would take for an option" ;; esac
  case "$kinds" in
    *" $kind "*) IFS=$tab; set -f; set -- $words; set +f; unset IFS; "$kind" "$@" ;;
    *) say FAILED "checks.tsv names a check that this script does not know: $kind" ;;
  esac
done <checks.tsv
exit $failed
