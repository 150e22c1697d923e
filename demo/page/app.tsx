// The page's layout: what stands where, and the two panels that are sheets on a narrow screen.
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
import { Side } from './side.tsx';
import { TranslateCard } from './translate_card.tsx';
import { Trouble } from './trouble.tsx';

export function App() {
  return (
    <>
      <Header />
      <RunBar />
      <Trouble />
      <main>
        <Side name="settings" label="Text and settings">
          <DataCard />
          <SettingsForm />
          <RunFiles />
        </Side>
        <div class="middle">
          <Notes />
          <Charts />
          <Samples />
          <Prompt />
          <TranslateCard />
          <MoreCharts />
          <Log />
        </div>
        <Side name="model" label="The model">
          <ModelDrawing />
          <SelfCheck />
        </Side>
      </main>
      <Announcer />
    </>
  );
}
