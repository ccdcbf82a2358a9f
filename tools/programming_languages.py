"""Programming, markup and configuration languages: facts for `generate_language_configs.py`.

Endings of file names as their communities use them, the usual first; lexers are those of Pygments.
"""

from __future__ import annotations

# Code | English name | other names | endings of file names, or whole names | alias of the Pygments lexer
PROGRAMMING = """
ada | Ada | | .adb .ads .ada | ada
apl | APL | | .apl .dyalog | apl
assembly | Assembly | asm nasm | .asm .s .nasm | nasm
awk | Awk | gawk | .awk | awk
bash | Bash | sh shell zsh | .sh .bash .zsh .ksh | bash
batch | Batch | bat cmd | .bat .cmd | batch
c | C | | .c .h | c
clojure | Clojure | clj | .clj .cljs .cljc .edn | clojure
cmake | CMake | | .cmake CMakeLists.txt | cmake
cobol | COBOL | | .cob .cbl .cpy | cobol
coffeescript | CoffeeScript | coffee | .coffee | coffeescript
commonlisp | Common Lisp | common-lisp lisp | .lisp .cl .lsp .asd | common-lisp
cpp | C++ | c++ cplusplus | .cpp .cc .cxx .hpp .hh .hxx .h | cpp
crystal | Crystal | | .cr | crystal
csharp | C# | c# cs | .cs .csx | csharp
css | CSS | | .css | css
cuda | CUDA | | .cu .cuh | cuda
d | D | dlang | .d .di | d
dart | Dart | | .dart | dart
dockerfile | Dockerfile | docker | Dockerfile .dockerfile | docker
elixir | Elixir | | .ex .exs | elixir
elm | Elm | | .elm | elm
erlang | Erlang | | .erl .hrl .escript | erlang
fortran | Fortran | f90 | .f90 .f95 .f03 .f08 .f .for | fortran
fsharp | F# | f# | .fs .fsi .fsx | fsharp
glsl | GLSL | | .glsl .vert .frag .comp | glsl
go | Go | golang | .go | go
graphql | GraphQL | gql | .graphql .gql | graphql
groovy | Groovy | gradle | .groovy .gradle | groovy
haskell | Haskell | hs | .hs | haskell
hcl | HCL | terraform tf | .hcl .tf .tfvars | hcl
html | HTML | xhtml | .html .htm .xhtml | html
ini | INI | cfg | .ini .cfg | ini
java | Java | | .java | java
javascript | JavaScript | js jsx node | .js .mjs .cjs .jsx | javascript
json | JSON | jsonl | .json .jsonl .geojson | json
julia | Julia | jl | .jl | julia
kotlin | Kotlin | kt | .kt .kts | kotlin
latex | LaTeX | tex | .tex .sty .cls | latex
lean | Lean | | .lean | lean
lua | Lua | | .lua | lua
makefile | Makefile | make gnumake | Makefile GNUmakefile .mk .mak | make
markdown | Markdown | md | .md .markdown | markdown
mathematica | Mathematica | wolfram | .wl .wls .nb | mathematica
matlab | MATLAB | octave | .m | matlab
nim | Nim | nimrod | .nim .nims | nim
nix | Nix | | .nix | nix
objectivec | Objective-C | objective-c objc obj-c | .m .mm .h | objective-c
ocaml | OCaml | | .ml .mli | ocaml
pascal | Pascal | delphi objectpascal | .pas .pp .dpr .dpk | delphi
perl | Perl | | .pl .pm .t | perl
php | PHP | | .php .phtml | php
powershell | PowerShell | pwsh ps1 | .ps1 .psm1 .psd1 | powershell
prolog | Prolog | | .pl .pro .prolog | prolog
protobuf | Protocol Buffers | proto | .proto | protobuf
python | Python | py python3 | .py .pyi .pyw | python
r | R | rlang | .r .R .Rmd | r
racket | Racket | rkt | .rkt | racket
restructuredtext | reStructuredText | rst | .rst .rest | restructuredtext
ruby | Ruby | rb | .rb .rake .gemspec Gemfile Rakefile | ruby
rust | Rust | rs | .rs | rust
sas | SAS | | .sas | sas
scala | Scala | | .scala .sc .sbt | scala
scheme | Scheme | scm | .scm .ss .sld | scheme
scss | SCSS | sass | .scss | scss
smalltalk | Smalltalk | squeak | .st | smalltalk
solidity | Solidity | sol | .sol | solidity
sql | SQL | mysql postgresql sqlite | .sql | sql
stan | Stan | | .stan | stan
swift | Swift | | .swift | swift
tcl | Tcl | | .tcl .tk | tcl
toml | TOML | | .toml | toml
typescript | TypeScript | ts tsx | .ts .tsx .mts .cts | typescript
vbnet | Visual Basic .NET | vb vb.net visualbasic | .vb .bas | vb.net
verilog | Verilog | systemverilog | .v .vh .sv .svh | verilog
vhdl | VHDL | | .vhd .vhdl | vhdl
vimscript | Vim script | vim viml | .vim .vimrc | vim
xml | XML | xsd xsl | .xml .xsd .xsl .xslt .svg | xml
yaml | YAML | yml | .yaml .yml | yaml
zig | Zig | | .zig | zig
"""
