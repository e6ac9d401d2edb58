import './styles/tokens.css';
import './styles/base.css';
import { mount } from 'svelte';
import Root from './App.svelte';
import SharingBar from './views/SharingBar.svelte';

// The small bar that stays above other programs while one shares is a window of its own (src-tauri).
const sharing = new URLSearchParams(location.search).get('view') === 'sharing';
const target = document.getElementById('app');
if (target) mount(sharing ? SharingBar : Root, { target });
