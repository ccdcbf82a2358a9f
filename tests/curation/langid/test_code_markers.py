from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.langid.code_markers import declared
from language_configs import languages


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("#!/usr/bin/python", "python_Zzzz"),
        ("#!/usr/bin/env python3.11\nprint(1)", "python_Zzzz"),
        ("#! /bin/sh -e\n", "bash_Zzzz"),
        ("#!/usr/bin/env -S deno run\n", "typescript_Zzzz"),
        ("\ufeff#!/usr/local/bin/perl -w\n", "perl_Zzzz"),
        ("#!/usr/bin/env node\n", "javascript_Zzzz"),
        ("#!/usr/bin/env Rscript\n", "r_Zzzz"),
        ("#!/usr/bin/gawk -f\n", "awk_Zzzz"),
        ("#!/usr/bin/env lua5.4\n", "lua_Zzzz"),
        ("#!/opt/unheard/of\n", ""),
        ("#!", ""),
        ("text\n#!/bin/sh", ""),
        ("// -*- C++ -*-\nclass A;", "cpp_Zzzz"),
        ("# -*- mode: ruby -*-", "ruby_Zzzz"),
        ("/* -*- Mode: C; tab-width: 4 -*- */", "c_Zzzz"),
        ("# -*- coding: utf-8 -*-", ""),
        (";; -*- lexical-binding: t -*-", ""),
        ("# vim: set ft=python :", "python_Zzzz"),
        ("a = 1\n" * 1000 + "# vim: ts=4 sw=4 filetype=ruby", "ruby_Zzzz"),
        ("# vim: ts=4", ""),
        ("<?php echo 1;", "php_Zzzz"),
        ("  \n<?xml version='1.0'?>", "xml_Zzzz"),
        ("<!DOCTYPE html>", "html_Zzzz"),
        ("#lang racket/base", "racket_Zzzz"),
        ("#lang scribble/manual", ""),
        ("@ECHO OFF", "batch_Zzzz"),
        ("The shebang #!/bin/sh names a shell.", ""),
        ("", ""),
    ],
)
def test_a_text_that_names_its_language(text: str, code: str) -> None:
    assert declared(text) == code


@given(
    st.text() | st.lists(st.sampled_from(["#!", "/", "env ", "-*-", " mode:", "vim:", "ft=", "c", "\n"])).map("".join)
)
def test_the_language_is_in_the_table(text: str) -> None:
    assert declared(text) in {"", *languages()}
