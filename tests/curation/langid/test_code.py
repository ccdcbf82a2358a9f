from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.langid.code import BROADER, DECLARED_SCORE, UNDETERMINED, identify_code, judge
from curation.langid.code_model import embedded
from language_configs import UnknownLanguageError, languages

SNIPPETS = {
    "ada": """
procedure Greet (Name : in String) is
   Count : Natural := 0;
begin
   for I in Name'Range loop
      Count := Count + 1;
   end loop;
   Put_Line ("Hello, " & Name & Integer'Image (Count));
end Greet;
""",
    "apl": """
 avg←{(+/⍵)÷≢⍵}
 primes←{⍵/⍨2=+⌿0=⍵∘.|⍵}⍳100
 sorted←data[⍋data]
 :If 0=≢primes
     ⎕←'none'
 :EndIf
""",
    "assembly": """
section .text
global _start
_start:
    mov eax, 4
    xor ebx, ebx
    push rbp
    mov rbp, rsp
    call print_line
    jne .done
    add rsp, 8
.done:
    ret
""",
    "awk": """
BEGIN { FS = ","; total = 0 }
NR > 1 && $3 ~ /^[0-9]+$/ {
    total += $3
    count[$1]++
}
END {
    for (name in count) printf "%s %d\\n", name, count[name]
    print total
}
""",
    "bash": """
for file in "$@"; do
  if [[ ! -f "$file" ]]; then
    echo "missing: $file" >&2
    exit 1
  fi
  wc -l < "$file"
done
""",
    "batch": """
@echo off
setlocal enabledelayedexpansion
set COUNT=0
for %%f in (*.txt) do (
    set /a COUNT+=1
    echo %%f
)
if not exist "%OUT%" mkdir "%OUT%"
goto :eof
""",
    "c": """
static int count_bits(unsigned long value)
{
    int bits = 0;
    while (value != 0) {
        bits += value & 1;
        value >>= 1;
    }
    printf("%d bits\\n", bits);
    struct node *next = malloc(sizeof(struct node));
    return next == NULL ? -1 : bits;
}
""",
    "clojure": """
(ns shop.basket
  (:require [clojure.string :as str]))

(defn total [items]
  (->> items
       (filter :in-stock?)
       (map :price)
       (reduce + 0)))
""",
    "cmake": """
cmake_minimum_required(VERSION 3.20)
project(viewer LANGUAGES CXX)
find_package(ZLIB REQUIRED)
add_executable(viewer main.cpp)
target_link_libraries(viewer PRIVATE ZLIB::ZLIB)
if(BUILD_TESTING)
  add_subdirectory(tests)
endif()
""",
    "cobol": """
       IDENTIFICATION DIVISION.
       PROGRAM-ID. PAYROLL.
       DATA DIVISION.
       WORKING-STORAGE SECTION.
       01  WS-TOTAL        PIC 9(5)V99 VALUE ZERO.
       PROCEDURE DIVISION.
           PERFORM UNTIL WS-TOTAL > 100
               ADD 1 TO WS-TOTAL
           END-PERFORM.
           DISPLAY "TOTAL: " WS-TOTAL.
           STOP RUN.
""",
    "coffeescript": """
class Basket
  constructor: (@items = []) ->

  total: ->
    sum = 0
    sum += item.price for item in @items when item.stock?
    sum

module.exports = (robot) ->
  robot.respond /hello (.*)/i, (msg) ->
    msg.send "Hello #{msg.match[1]}" unless msg.match[1] is ''
""",
    "commonlisp": """
(defun total (items)
  (let ((sum 0))
    (dolist (item items sum)
      (when (item-stock item)
        (incf sum (item-price item))))))

(defmacro with-basket ((var) &body body)
  `(let ((,var (make-instance 'basket)))
     ,@body))
""",
    "cpp": """
template <typename T>
std::vector<T> sorted(const std::vector<T>& values) {
    std::vector<T> copy = values;
    std::sort(copy.begin(), copy.end());
    for (const auto& value : copy) {
        std::cout << value << std::endl;
    }
    return copy;
}
""",
    "crystal": """
class Basket
  getter items : Array(Item)

  def initialize(@items = [] of Item)
  end

  def total : Int32
    @items.select(&.stock?).sum(&.price)
  end
end

basket = Basket.new
puts basket.total.as(Int32)
""",
    "csharp": """
using System.Collections.Generic;
using System.Linq;

namespace Shop
{
    public sealed class Basket
    {
        private readonly List<Item> _items = new();
        public decimal Total => _items.Where(x => x.InStock).Sum(x => x.Price);
        public string Name { get; set; }
    }
}
""",
    "css": """
.basket-total {
  display: flex;
  margin: 0 auto;
  color: #333;
  font-size: 14px;
}
@media (max-width: 600px) {
  .basket-total a:hover { text-decoration: underline; }
}
""",
    "cuda": """
__global__ void add(const float *a, const float *b, float *out, int n)
{
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) {
        out[i] = a[i] + b[i];
    }
    __syncthreads();
}
cudaMalloc((void **)&d_a, size);
add<<<blocks, threads>>>(d_a, d_b, d_out, n);
""",
    "d": """
import std.stdio : writeln;
import std.algorithm : filter, map, sum;

unittest
{
    auto prices = [3, 4, 5];
    assert(prices.filter!(p => p > 3).sum == 9);
    foreach (i, price; prices)
        writeln(i, ": ", price);
}
""",
    "dart": """
class BasketView extends StatelessWidget {
  const BasketView({super.key, required this.items});

  final List<Item> items;

  @override
  Widget build(BuildContext context) {
    return Column(children: items.map((item) => Text('${item.name}')).toList());
  }
}
""",
    "dockerfile": """
FROM python:3.12-slim AS build
WORKDIR /app
COPY requirements.txt .
RUN pip install --no-cache-dir -r requirements.txt
ENV PORT=8080
EXPOSE 8080
ENTRYPOINT ["python", "-m", "shop"]
""",
    "elixir": """
defmodule Shop.Basket do
  @moduledoc false
  def total(items) do
    items
    |> Enum.filter(& &1.in_stock)
    |> Enum.map(fn item -> item.price end)
    |> Enum.sum()
  end
end
""",
    "elm": """
module Basket exposing (Model, view)

import Html exposing (Html, div, text)

type alias Model =
    { total : Int }

view : Model -> Html msg
view model =
    div [] [ text (String.fromInt model.total) ]
""",
    "erlang": """
-module(basket).
-export([total/1]).

total(Items) ->
    lists:foldl(fun(#item{price = P}, Sum) -> P + Sum end, 0, Items).

loop(State) ->
    receive
        {From, Msg} -> From ! {ok, Msg}, loop(State);
        stop -> ok
    end.
""",
    "fortran": """
subroutine total(prices, n, s)
  implicit none
  integer, intent(in) :: n
  real, dimension(n), intent(in) :: prices
  real, intent(out) :: s
  integer :: i
  s = 0.0
  do i = 1, n
    s = s + prices(i)
  end do
end subroutine total
""",
    "fsharp": """
module Basket

type Item = { Price: decimal; InStock: bool }

let total (items: Item list) =
    items
    |> List.filter (fun item -> item.InStock)
    |> List.sumBy (fun item -> item.Price)

let describe item =
    match item with
    | { InStock = true } -> printfn "yes"
    | _ -> ()
""",
    "glsl": """
#version 330 core
layout (location = 0) in vec3 position;
uniform mat4 projection;
out vec2 uv;

void main()
{
    uv = position.xy;
    gl_Position = projection * vec4(position, 1.0);
}
""",
    "go": """
package shop

import "fmt"

func (b *Basket) Total() (int, error) {
	sum := 0
	for _, item := range b.items {
		if item == nil {
			return 0, fmt.Errorf("no item")
		}
		sum += item.Price
	}
	return sum, nil
}
""",
    "graphql": """
type Basket implements Node {
  id: ID!
  items(first: Int, after: String): [Item!]!
  total: Float
}

extend type Query {
  basket(id: ID!): Basket
}

input ItemInput {
  name: String!
}
""",
    "groovy": """
plugins {
    id 'java-library'
}

class BasketSpec extends Specification {
    def "adds up prices"() {
        given:
        def basket = new Basket(items: [3, 4])
        expect:
        basket.items.collect { it * 2 }.sum() == 14
    }
}
""",
    "haskell": """
module Basket (total) where

import qualified Data.Map as Map

data Item = Item { price :: Int, inStock :: Bool } deriving (Show, Eq)

total :: [Item] -> Int
total items = sum $ map price $ filter inStock items
  where
    none = Nothing
""",
    "hcl": """
resource "aws_instance" "web" {
  ami           = var.ami
  instance_type = "t3.micro"

  tags = {
    Name = "web-${var.environment}"
  }
}

variable "environment" {
  type    = string
  default = "test"
}
""",
    "html": """
<!DOCTYPE html>
<html lang="en">
  <head><title>Basket</title></head>
  <body>
    <div class="total"><a href="/pay">Pay</a></div>
  </body>
</html>
""",
    "ini": """
; where the packages are
[metadata]
name = basket
license = MIT

[options]
packages = find:
include_package_data = True

[flake8]
max-line-length = 100
ignore = E203,W503
""",
    "java": """
public class Basket {
    private final List<Item> items = new ArrayList<>();

    public int total() throws IOException {
        int sum = 0;
        for (Item item : items) {
            sum += item.getPrice();
        }
        System.out.println("total " + sum);
        return sum;
    }
}
""",
    "javascript": """
const basket = require('./basket');

function total(items) {
  let sum = 0;
  items.forEach(function (item) {
    if (item.stock !== undefined) sum += item.price;
  });
  console.log('total ' + sum);
  return sum;
}

module.exports = total;
""",
    "json": """
{
  "name": "basket",
  "items": [
    {"id": 1, "price": 3.5, "stock": true},
    {"id": 2, "price": null, "stock": false}
  ]
}
""",
    "julia": """
module Baskets

struct Item{T<:Real}
    price::T
end

function total(items::Vector{Item{T}}) where {T}
    s = zero(T)
    for item in items
        s += item.price
    end
    return s
end

@test total([Item(1), Item(2)]) == 3
end
""",
    "kotlin": """
package shop

data class Item(val price: Int, val inStock: Boolean = true)

fun total(items: List<Item>): Int {
    val known = items.filter { it.inStock }
    for (item in known) {
        println("price ${item.price}")
    }
    return known.sumOf { it.price }
}
""",
    "latex": r"""
\documentclass{article}
\usepackage{amsmath}
\begin{document}
\section{Prices}
The total is \emph{finite}:
\begin{equation}
  s = \sum_{i=1}^{n} p_i \label{eq:total}
\end{equation}
\end{document}
""",
    "lean": """
theorem add_zero_right (n : Nat) : n + 0 = n := by
  induction n with
  | zero => rfl
  | succ k ih => simp [ih]

def total (xs : List Nat) : Nat :=
  xs.foldl (fun a b => a + b) 0
""",
    "lua": """
local Basket = {}
Basket.__index = Basket

function Basket:total()
  local sum = 0
  for _, item in ipairs(self.items) do
    if item.stock ~= nil then
      sum = sum + item.price
    end
  end
  return sum
end

return Basket
""",
    "makefile": """
CC ?= gcc
OBJS := main.o basket.o

.PHONY: all clean

all: $(OBJS)
	$(CC) $(CFLAGS) -o shop $^

%.o: %.c
	$(CC) -c $< -o $@

clean:
	rm -f *.o
""",
    "mathematica": """
total[items_List] := Module[{sum = 0},
  Do[sum += item["Price"], {item, items}];
  If[sum > 10, Print["much"], Null];
  sum
]

Map[# ^ 2 &, Range[10]] // Total
ListPlot[Table[{x, Sin[x]}, {x, 0, 2 Pi, 0.1}], PlotStyle -> Red]
""",
    "matlab": """
function s = total(prices)
% TOTAL  adds up prices.
s = 0;
for k = 1:length(prices)
    if ~isnan(prices(k))
        s = s + prices(k);
    end
end
x = linspace(0, 1, numel(prices))';
plot(x, prices, 'r.-')
end
""",
    "nim": """
import std/[strutils, sequtils]

type
  Item = object
    price: int

proc total(items: seq[Item]): int =
  result = 0
  for item in items:
    result += item.price

echo total(@[Item(price: 3)])
""",
    "nix": """
{ config, lib, pkgs, ... }:

with lib;

let cfg = config.programs.basket;
in {
  options.programs.basket.enable = mkEnableOption "basket";
  config = mkIf cfg.enable {
    home.packages = [ pkgs.basket ];
  };
}
""",
    "objectivec": """
#import <Foundation/Foundation.h>

@interface Basket : NSObject
@property (nonatomic, strong) NSArray *items;
@end

@implementation Basket
- (NSInteger)total {
    NSLog(@"items %@", self.items);
    return [self.items count];
}
@end
""",
    "ocaml": """
type item = { price : int; stock : bool }

let rec total items =
  match items with
  | [] -> 0
  | { price; stock = true } :: rest -> price + total rest
  | _ :: rest -> total rest

let () = Printf.printf "%d\\n" (total [])
""",
    "pascal": """
unit Baskets;

interface

type
  TBasket = class(TObject)
  private
    FTotal: Integer;
  public
    procedure Add(const APrice: Integer);
  end;

implementation

procedure TBasket.Add(const APrice: Integer);
begin
  FTotal := FTotal + APrice;
end;

end.
""",
    "perl": """
package Basket;
use strict;
use warnings;

sub total {
    my ($self, @items) = @_;
    my $sum = 0;
    foreach my $item (@items) {
        next unless defined $item->{price};
        $sum += $item->{price};
    }
    return $sum;
}

1;
""",
    "php": """
<?php
namespace Shop;

class Basket
{
    public function total(array $items): int
    {
        $sum = 0;
        foreach ($items as $item) {
            $sum += $item->price;
        }
        return $sum;
    }
}
""",
    "powershell": """
function Get-Total {
    param([Parameter(Mandatory = $true)][string]$Path)
    $sum = 0
    Get-ChildItem -Path $Path | ForEach-Object {
        if ($_.Length -gt 10) { $sum += $_.Length }
    }
    Write-Host "Total $sum"
}
""",
    "prolog": """
:- module(basket, [total/2]).
:- use_module(library(lists)).

total([], 0).
total([item(_, Price)|Rest], Sum) :-
    total(Rest, Sum0),
    Sum is Sum0 + Price,
    \\+ Price = 0.
""",
    "protobuf": """
syntax = "proto3";

package shop.v1;

import "google/protobuf/timestamp.proto";

message Basket {
  string id = 1;
  repeated Item items = 2;
  google.protobuf.Timestamp created = 3;
}

service Shop {
  rpc GetBasket(GetBasketRequest) returns (Basket);
}
""",
    "python": """
import json
from pathlib import Path

def total(items, *, limit=None):
    if not items:
        raise ValueError("no items")
    return sum(item.price for item in items if item is not None)

class Basket(dict):
    def __init__(self, path):
        self.path = Path(path)
""",
    "r": """
total <- function(items, na.rm = TRUE) {
  if (!is.data.frame(items)) {
    stop("not a data frame")
  }
  sums <- sapply(items, function(x) sum(x, na.rm = na.rm))
  names(sums) <- paste0("total_", colnames(items))
  sums
}
library(ggplot2)
""",
    "racket": """
#lang racket
(require racket/list)
(provide total)

(define/contract (total items)
  (-> (listof number?) number?)
  (for/fold ([sum 0]) ([item (in-list items)])
    (+ sum item)))
""",
    "ruby": """
class Basket
  attr_reader :items

  def initialize(items = [])
    @items = items
  end

  def total
    @items.reject(&:nil?).map { |item| item.price }.sum
  end
end

puts Basket.new.total unless ENV['QUIET']
""",
    "rust": """
use std::collections::HashMap;

impl Basket {
    pub fn total(&self) -> Result<u64, Error> {
        let mut sum = 0;
        for item in self.items.iter() {
            match item.price {
                Some(price) => sum += price,
                None => return Err(Error::NoPrice),
            }
        }
        Ok(sum)
    }
}
""",
    "sas": """
data work.totals;
    set work.items;
    by customer;
    if first.customer then total = 0;
    total + price;
run;

proc sort data=work.totals out=sorted nodupkey;
    by descending total;
run;

%macro report(ds=);
    proc print data=&ds.;
    run;
%mend report;
""",
    "scala": """
package shop

import scala.collection.mutable

sealed trait Item
case class Fruit(price: Int) extends Item

object Basket {
  def total(items: List[Item]): Int = items.map {
    case Fruit(price) => price
    case _ => 0
  }.sum
  implicit val ordering: Ordering[Fruit] = Ordering.by(_.price)
}
""",
    "scheme": """
(define-library (shop basket)
  (export total)
  (import (scheme base)))

(define (total items)
  (let loop ((rest items) (sum 0))
    (if (null? rest)
        sum
        (loop (cdr rest) (+ sum (car rest))))))

(call-with-current-continuation (lambda (k) (k (vector-ref v 0))))
""",
    "scss": """
@use "sass:math";
$gap: 8px !default;

@mixin card($radius: 4px) {
  border-radius: $radius;
  &:hover { color: darken($blue, 10%); }
}

.basket {
  @include card;
  padding: math.div($gap, 2);
  @extend %placeholder;
}
""",
    "smalltalk": """
Object subclass: #Basket
    instanceVariableNames: 'items'
    classVariableNames: ''
    package: 'Shop'

total
    | sum |
    sum := 0.
    items do: [ :each | sum := sum + each price ].
    ^ sum ifNil: [ self error: 'none' ]
""",
    "solidity": """
pragma solidity ^0.8.20;

contract Basket {
    mapping(address => uint256) public totals;
    event Paid(address indexed from, uint256 amount);

    function pay() external payable {
        require(msg.value > 0, "nothing");
        totals[msg.sender] += msg.value;
        emit Paid(msg.sender, msg.value);
    }
}
""",
    "sql": """
CREATE TABLE items (id INTEGER PRIMARY KEY, price NUMERIC NOT NULL);

SELECT customer, SUM(price) AS total
FROM items
LEFT JOIN customers ON customers.id = items.customer
WHERE price > 0
GROUP BY customer
ORDER BY total DESC;
""",
    "stan": """
data {
  int<lower=0> N;
  vector[N] y;
}
parameters {
  real mu;
  real<lower=0> sigma;
}
model {
  mu ~ normal(0, 10);
  y ~ normal(mu, sigma);
}
""",
    "swift": """
import Foundation

struct Basket {
    var items: [Item] = []

    func total() -> Int? {
        guard !items.isEmpty else { return nil }
        let prices = items.compactMap { $0.price }
        return prices.reduce(0, +)
    }
}

extension Basket: Equatable {}
""",
    "tcl": """
proc total {items} {
    set sum 0
    foreach item $items {
        if {[dict exists $item price]} {
            incf sum [dict get $item price]
        }
    }
    puts "total $sum"
    return [expr {$sum * 2}]
}
package provide basket 1.0
""",
    "toml": """
[package]
name = "basket"
version = "0.1.0"

[dependencies]
serde = { version = "1.0", features = ["derive"] }

[[items]]
tags = ["a", "b"]
""",
    "typescript": """
export interface Item {
  readonly price: number;
  name?: string;
}

export async function total(items: Item[]): Promise<number> {
  const prices: number[] = items.map((item: Item) => item.price);
  return prices.reduce((a: number, b: number): number => a + b, 0);
}

export type Totals = Record<string, number>;
private items: Array<Item> = [];
""",
    "vbnet": """
Public Class Basket
    Private ReadOnly _items As New List(Of Integer)

    Public Function Total() As Integer
        Dim sum As Integer = 0
        For Each item In _items
            If item > 0 Then sum += item
        Next
        Return sum
    End Function
End Class
""",
    "verilog": """
module counter #(parameter WIDTH = 8) (
    input  wire             clk,
    input  wire             rst,
    output reg [WIDTH-1:0]  count
);
always @(posedge clk) begin
    if (rst)
        count <= 8'd0;
    else
        count <= count + 1'b1;
end
endmodule
""",
    "vhdl": """
library ieee;
use ieee.std_logic_1164.all;

entity counter is
  port (clk : in std_logic; q : out std_logic_vector(7 downto 0));
end entity;

architecture rtl of counter is
  signal count : unsigned(7 downto 0);
begin
  process (clk)
  begin
    if rising_edge(clk) then
      count <= count + 1;
    end if;
  end process;
end architecture;
""",
    "vimscript": """
function! basket#total(items) abort
  let l:sum = 0
  for l:item in a:items
    let l:sum += get(l:item, 'price', 0)
  endfor
  return l:sum
endfunction

if !exists('g:basket_loaded')
  let g:basket_loaded = 1
  nnoremap <silent> <leader>b :call basket#total([])<CR>
endif
""",
    "xml": """
<?xml version="1.0" encoding="UTF-8"?>
<basket xmlns="http://example.org/basket">
  <item id="1"><price currency="EUR">3</price></item>
  <item id="2"/>
</basket>
""",
    "yaml": """
name: tests
on:
  push:
    branches: [main]
jobs:
  test:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - name: Install
        run: make install
""",
    "zig": """
const std = @import("std");

pub fn total(allocator: std.mem.Allocator, items: []const u32) !u64 {
    var list = std.ArrayList(u32).init(allocator);
    defer list.deinit();
    var sum: u64 = 0;
    for (items) |item| {
        try list.append(item);
        sum += item;
    }
    return sum;
}
""",
}

NOT_CODE = {
    "empty": "",
    "blank": " \n\t\n",
    "one bracket": "}",
    "numbers": "12 34 56\n78 90 12",
    "a name": "total",
    "English": "The committee will publish its report on Thursday morning, and we are looking forward to it.",
    "about code": "If you import the class and call its method for each item in the list, it will return a string.",
    "markdown": "# Installation\n\nClone the repository, then run the tests. See the [guide](guide.md) for more.",
    "German": "Wir haben gestern Abend lange über das neue Buch gesprochen.",
    "Russian": "Завтра утром мы поедем на дачу к бабушке.",
    "Japanese": "明日の朝、友達と一緒に市場へ行きます。",
    "Arabic": "سوف نذهب غدا صباحا إلى المدرسة مع أصدقائنا.",
    "Hindi": "हम कल सुबह अपने दोस्तों के साथ बाज़ार जाएँगे।",
    "Thai": "พรุ่งนี้เช้าเราจะไปตลาดกับเพื่อน ๆ",
    "emoji": "😀🎉👍🏽",
    "in many languages": "x = x + 1",
}


# Too little of it was seen in training for certainty.
WEAK = frozenset({"ini"})


def names(codes: Sequence[str]) -> list[str]:
    return [code.removesuffix("_Zzzz") for code in codes]


def test_there_is_a_snippet_for_every_language_that_is_no_prose() -> None:
    table = {language.base for language in languages().values() if language.kind == "programming"}
    assert set(SNIPPETS) == table - {"markdown", "restructuredtext"}


@pytest.mark.parametrize(("name", "text"), [item for item in SNIPPETS.items() if item[0] not in WEAK])
def test_code_is_in_its_language(name: str, text: str) -> None:
    labels, scores = identify_code([text])
    assert names(labels) == [name]
    assert scores.dtype == np.float32
    assert embedded().min_score <= scores[0] <= 1


@pytest.mark.parametrize("name", sorted(WEAK))
def test_code_in_a_language_known_too_little_is_in_no_other(name: str) -> None:
    assert names(identify_code([SNIPPETS[name]])[0])[0] in {name, "und"}


@pytest.mark.parametrize("text", NOT_CODE.values(), ids=list(NOT_CODE))
def test_what_is_no_code_or_could_be_any_is_undetermined(text: str) -> None:
    labels, scores = identify_code([text])
    assert (labels, scores.tolist()) == ([UNDETERMINED], [0.0])


@pytest.mark.parametrize(
    ("text", "candidates", "label"),
    [
        ("for name in names:\n    print(name)", ["python", "java"], "python_Zzzz"),
        (SNIPPETS["ruby"], ["ruby_Zzzz", "python_Zzzz"], "ruby_Zzzz"),
        (SNIPPETS["ruby"], ["java_Zzzz"], UNDETERMINED),
        ("#!/bin/sh\necho hello", ["python_Zzzz"], UNDETERMINED),
        (NOT_CODE["English"], ["python_Zzzz", "sql_Zzzz"], UNDETERMINED),
        (NOT_CODE["Japanese"], ["apl_Zzzz"], UNDETERMINED),
    ],
)
def test_candidates_narrow_the_answer_but_force_none(text: str, candidates: list[str], label: str) -> None:
    assert identify_code([text], candidates=candidates)[0] == [label]


@pytest.mark.parametrize("candidate", ["eng_Latn", "de", "klingon", ""])
def test_a_candidate_must_be_a_programming_language(candidate: str) -> None:
    with pytest.raises(UnknownLanguageError):
        identify_code(["x"], candidates=[candidate])


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("#!/usr/bin/env python3\nx", "python_Zzzz"),
        ("#!/bin/sh\nx", "bash_Zzzz"),
        ("<?php echo 1;", "php_Zzzz"),
    ],
)
def test_what_a_text_says_of_itself_is_believed(text: str, label: str) -> None:
    labels, scores = identify_code([text])
    assert labels == [label]
    assert scores[0] == np.float32(DECLARED_SCORE)


def test_what_is_in_no_broader_language_is_in_the_narrower() -> None:
    labels = ("css", "javascript", "typescript")
    best, scores = judge(np.array([[0.1, 0.5, 0.4], [0.0, 0.3, 0.7]]), labels)
    assert best.tolist() == [1, 2]
    assert scores.tolist() == pytest.approx([0.9, 0.7])


def test_broader_languages_are_in_the_table() -> None:
    for narrow, broader in BROADER.items():
        assert {f"{name}_Zzzz" for name in (narrow, *broader)} <= set(languages())


@pytest.mark.parametrize(
    "texts",
    [
        list(SNIPPETS.values()),
        tuple(SNIPPETS.values()),
        pa.array(list(SNIPPETS.values())),
        pa.chunked_array([list(SNIPPETS.values())[:7], list(SNIPPETS.values())[7:]]),
        pa.array(["", *SNIPPETS.values()])[1:],
    ],
    ids=["list", "tuple", "string", "chunked", "sliced"],
)
def test_texts_may_be_a_sequence_or_arrow(texts: Sequence[str]) -> None:
    assert identify_code(texts)[0] == identify_code(list(SNIPPETS.values()))[0]


@pytest.mark.parametrize("texts", [[], pa.array([], pa.string()), pa.chunked_array([], pa.string())])
def test_no_texts_have_no_languages(texts: Sequence[str]) -> None:
    labels, scores = identify_code(texts)
    assert (labels, scores.shape, scores.dtype) == ([], (0,), np.float32)


def test_null_counts_as_empty() -> None:
    assert identify_code(pa.array([None, SNIPPETS["go"]]))[0] == [UNDETERMINED, "go_Zzzz"]


@pytest.mark.parametrize(
    "text",
    [
        "a" * 5_000_000,
        "\n" * 5_000_000,
        " \n\t" * 1_000_000,
        "(" * 1_000_000,
        "\x00" * 1_000_000,
        "#!" + "/" * 1_000_000,
        "#!/" + "a/" * 1_000_000,
        "-*- " * 500_000,
        "vim: " * 500_000,
        "ft=" * 500_000,
        "<" * 1_000_000,
        "_" * 1_000_000,
        "\ud7ff\uffff\u0300" * 300_000,
    ],
)
def test_no_text_takes_long(text: str) -> None:
    identify_code(["warm"])
    begin = time.perf_counter()
    labels, _ = identify_code([text])
    assert time.perf_counter() - begin < 1
    assert labels[0] in languages() or labels[0] == UNDETERMINED


PIECES = st.sampled_from([line for text in SNIPPETS.values() for line in text.split("\n")] + list(NOT_CODE.values()))


@given(st.lists(st.one_of(st.text(), st.lists(PIECES, max_size=6).map("\n".join)), max_size=8))
@settings(deadline=None)
def test_a_text_is_judged_whatever_stands_beside_it(texts: list[str]) -> None:
    labels, scores = identify_code(texts)
    assert ((scores >= 0) & (scores <= 1)).all()
    assert set(labels) <= {*languages(), UNDETERMINED}
    for text, label, score in zip(texts, labels, scores, strict=True):
        alone = identify_code([text])
        assert (alone[0], alone[1].tolist()) == ([label], [float(score)])
