// The page's layout: what stands where, and the two panels that are sheets on a narrow screen.
import { Announcer } from './announcer.tsx';
import { ChapterView, chapterPanel } from './chapters/chapters.tsx';
import { Charts, MoreCharts } from './charts.tsx';
import { DataCard } from './data_card.tsx';
import { Header } from './header.tsx';
import { Inspector } from './inside/inside.tsx';
import { Log } from './log.tsx';
import { ModelDrawing } from './model_drawing.tsx';
import { Notes } from './notes.tsx';
import { Prompt } from './prompt.tsx';
import { Receipt, Replayed } from './receipt.tsx';
import { RunBar } from './run_bar.tsx';
import { RunFiles } from './run_files.tsx';
import { Samples } from './samples.tsx';
import { SelfCheck } from './self_check.tsx';
import { SettingsForm } from './settings_form.tsx';
import { Side } from './side.tsx';
import { Trouble } from './trouble.tsx';

export function App() {
  return (
    <>
      <Header />
      <RunBar />
      <Trouble />
      <main>
        <Side name="settings" label="Text and settings">
          {chapterPanel() ?? (
            <>
              <DataCard />
              <SettingsForm />
              <RunFiles />
            </>
          )}
        </Side>
        <div class="middle">
          <Replayed />
          <Notes />
          <ChapterView />
          <Charts />
          <Samples />
          <Inspector />
          <Prompt />
          <Receipt />
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
