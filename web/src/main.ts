import { mount } from 'svelte'
import AppShell from './App.svelte'
import './app.css'

const target = document.getElementById('app')
if (target === null) throw new Error('index.html has no element with the id "app"')
mount(AppShell, { target })
