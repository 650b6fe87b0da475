"""Sends the picture in the file of the second argument to the service of the first; prints the class."""

import sys
from io import BytesIO
from pathlib import Path

from generated import Client
from generated.api.mnist import result_mnist, submit_mnist
from generated.models import Pending, SubmitMnistFilesBody, SucceededMnist
from generated.types import File

client = Client(base_url=sys.argv[1], timeout=60)
file = File(payload=BytesIO(Path(sys.argv[2]).read_bytes()), file_name="three.png")
accepted = submit_mnist.sync(client=client, body=SubmitMnistFilesBody(file=file))
assert isinstance(accepted, Pending), accepted
answer = result_mnist.sync(accepted.inference_id, client=client, wait=20)
assert isinstance(answer, SucceededMnist), answer
sys.stdout.write(f"{answer.predicted_class}\n")
