// Sends the picture in the file of the second argument to the service of the first; prints the class.
import { readFileSync } from "node:fs";
import { client } from "./generated/client.gen";
import { resultMnist, submitMnist } from "./generated/sdk.gen";

async function main(url: string, path: string): Promise<void> {
  client.setConfig({ baseUrl: url });
  const body = { file: new Blob([readFileSync(path)]) };
  const accepted = await submitMnist({ body, throwOnError: true });
  const { inference_id } = accepted.data;
  const { data } = await resultMnist({ path: { inference_id }, query: { wait: 20 }, throwOnError: true });
  if (data.status !== "succeeded") throw new Error(`the job is ${data.status}`);
  console.log(data.predicted_class);
}

const [url, path] = process.argv.slice(2) as [string, string];
void main(url, path);
