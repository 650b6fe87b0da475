import subprocess
import sys


def test_the_api_imports_neither_torch_nor_the_worker() -> None:
    program = (
        "import sys, mnist_api.__main__; "
        "print(sorted({name.partition('.')[0] for name in sys.modules} & {'torch', 'mnist_worker', 'mnist_training'}))"
    )

    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)

    assert answer.stdout.strip() == "[]"
