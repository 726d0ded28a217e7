#!/usr/bin/env node
require('./launch.js').run('click2xml');
