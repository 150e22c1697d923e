// The page's layout: what stands where, and the two panels that are sheets on a narrow screen.
import { useSignal } from '@preact/signals';
import { Announcer } from './announcer.tsx';
import { Charts, MoreCharts } from './charts.tsx';
import { DataCard } from './data_card.tsx';
import { Header } from './header.tsx';
import { Log } from './log.tsx';
import { ModelDrawing } from './model_drawing.tsx';
import { Notes } from './notes.tsx';
import { Prompt } from './prompt.tsx';
import { RunBar } from './run_bar.tsx';
import { RunFiles } from './run_files.tsx';
import { Samples } from './samples.tsx';
import { SelfCheck } from './self_check.tsx';
import { SettingsForm } from './settings_form.tsx';
import { Trouble } from './trouble.tsx';

export type Sheet = 'settings' | 'model' | null;

export function App() {
  const sheet = useSignal<Sheet>(null);
  return (
    <>
      <Header sheet={sheet} />
      <RunBar />
      <Trouble />
      <main>
        <aside id="settings" class={`side ${sheet.value === 'settings' ? 'open' : ''}`} aria-label="Text and settings">
          <DataCard />
          <SettingsForm />
          <RunFiles />
        </aside>
        <div class="middle">
          <Notes />
          <Charts />
          <Samples />
          <Prompt />
          <MoreCharts />
          <Log />
        </div>
        <aside id="model" class={`side ${sheet.value === 'model' ? 'open' : ''}`} aria-label="The model">
          <ModelDrawing />
          <SelfCheck />
        </aside>
      </main>
      <Announcer />
    </>
  );
}
